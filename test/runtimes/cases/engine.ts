/**
 * The engine with faults that happen on a real network. Each byte is stored exactly once, or the error says what is
 * known.
 */
import {
  AppendableObject,
  AppendConflictError,
  append,
  ChecksumError,
  type OssClientOptions,
  OssError,
  ServiceError,
  TransportError,
} from '../../../src/index.ts';
import { bytesFrom, check, equal, rejects, sameBytes } from '../check.ts';
import type { Case, Context, FaultRule } from '../context.ts';

const SIZE = 100_000;
const SEGMENT = 40_000;
/** The time limit of one attempt in ms, if a fault delays the answer. The answer comes much later than this. */
const SHORT = 400;
const LATE = 5000;
const ALWAYS = 1000;
/**
 * The header that a bucket hides if its CORS rule exposes nothing. The CORS headers themselves stay, or browsers would
 * hide the whole answer.
 */
const HIDDEN: FaultRule = {
  kind: 'hide-headers',
  names: ['etag', 'content-range', 'x-oss-hash-crc64ecma', 'x-oss-next-append-position', 'x-oss-object-type'],
  times: ALWAYS,
};

/**
 * Faults from which the engine recovers. Each case appends three segments, and the fault usually happens to the second
 * one.
 */
const MENDED: Readonly<
  Record<string, { readonly rules: readonly FaultRule[]; readonly options?: Partial<OssClientOptions> }>
> = {
  'no fault': { rules: [] },
  'a connection that breaks before the body': { rules: [{ kind: 'drop-before', nth: 2 }] },
  'a connection that breaks in the middle of the body': { rules: [{ kind: 'drop-during', nth: 2 }] },
  'a connection that breaks after the commit': { rules: [{ kind: 'drop-after', nth: 2 }] },
  'a first answer that is lost': { rules: [{ kind: 'drop-after' }] },
  'every second answer lost': { rules: [1, 3, 5].map((nth) => ({ kind: 'drop-after', nth })) },
  'a 500 before the commit': { rules: [{ kind: 'error-before', nth: 2 }] },
  'a 503 after the commit': { rules: [{ kind: 'error-after', status: 503, nth: 2 }] },
  "a gateway's page before the commit": { rules: [{ kind: 'gateway', nth: 2 }] },
  "a gateway's page after the commit": { rules: [{ kind: 'gateway', after: true, nth: 2 }] },
  'an answer that comes after the time-out': {
    rules: [{ kind: 'answer-late', delay: LATE, nth: 2 }],
    options: { timeout: SHORT },
  },
  'a commit that comes after the time-out': {
    rules: [{ kind: 'commit-late', delay: SHORT + 150, nth: 2 }],
    options: { timeout: SHORT },
  },
  'a commit that comes after the repeat': {
    rules: [{ kind: 'commit-late', delay: 2 * SHORT, nth: 2 }],
    options: { timeout: SHORT },
  },
  'a request that the transport sends twice': { rules: [{ kind: 'repeat', nth: 2 }] },
  throttling: { rules: [{ kind: 'throttle', delay: 20, nth: 2 }] },
  'a lost answer and hidden headers': {
    rules: [
      { ...HIDDEN },
      { ...HIDDEN, operation: 'HeadObject' },
      { ...HIDDEN, operation: 'GetObject' },
      { kind: 'drop-after', nth: 2 },
    ],
  },
  'a lost answer, a lost HEAD, and a GET that stalls': {
    rules: [
      { kind: 'drop-after', nth: 2 },
      { kind: 'drop-before', operation: 'HeadObject', nth: 2 },
      { ...HIDDEN, operation: 'HeadObject' },
      { kind: 'stall-body', operation: 'GetObject' },
    ],
    options: { timeout: SHORT },
  },
};

/** A gzip member that decodes to a text of 2,700 bytes. */
const MEMBER = Uint8Array.from(atob('H4sIAAAAAAAAA0tUKEpNzi9K4UocZYwyRhmjjFHGKGOUMcoYZYwy6MsAAFonsUWMCgAA'), (letter) =>
  letter.charCodeAt(0),
);

export const engineCases: readonly Case[] = [
  ...Object.entries(MENDED).flatMap(([fault, { rules, options }]) =>
    // A case that waits for a time-out runs with one form of signature only.
    (options ? (['header'] as const) : (['header', 'query'] as const)).map(
      (signing): Case => ({
        name: `engine: each byte is stored exactly once, ${signing}-signed, with ${fault}`,
        run: (context) => exactlyOnce(context, rules, { ...options, signing }),
      }),
    ),
  ),
  ...[11, 12, 13].map(
    (seed): Case => ({
      name: `engine: each byte is stored exactly once with a mix of faults (seed ${seed})`,
      run: (context) => exactlyOnce(context, mixedFaults(seed), { timeout: 1000 }, 9000),
    }),
  ),
  {
    name: 'engine: if CORS hides the CRC, the bytes themselves prove that a lost answer was a success',
    needs: ['cors'],
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'drop-after', times: 1, nth: 2 });
      const hidden = client({ bucket: 'hidden-bucket' });
      const source = bytesFrom(20, SIZE);
      await append(hidden, key, source, { segmentSize: SEGMENT });
      sameBytes((await stored({ bucket: 'hidden-bucket' }))?.bytes, source, 'object');
    },
  },
  {
    name: 'engine: an object with a Content-Encoding is compared and resumed, although the CRC is hidden',
    run: async ({ client, key, faults, stored }) => {
      await faults({ ...HIDDEN }, { ...HIDDEN, operation: 'HeadObject' }, { ...HIDDEN, operation: 'GetObject' });
      await faults({ kind: 'drop-after', nth: 1 }, { kind: 'drop-after', nth: 2 });
      const object = new AppendableObject(client(), key, { headers: { 'content-encoding': 'gzip' } });
      await object.append(MEMBER);
      await object.append(MEMBER);
      const file = new Blob([MEMBER, MEMBER, 'the rest']);
      await new AppendableObject(client(), key).resume(file);
      sameBytes((await stored())?.bytes, new Uint8Array(await file.arrayBuffer()), 'object');
    },
  },
  {
    name: 'engine: the length of a text is found although HEAD does not report it and the position is hidden',
    run: async ({ client, key, faults, stored }) => {
      await faults({ ...HIDDEN }, { ...HIDDEN, operation: 'HeadObject' }, { ...HIDDEN, operation: 'GetObject' });
      const text = 'line\n'.repeat(400);
      await append(client(), key, text, { contentType: 'text/plain' });
      const { contentLength } = await client().headObject(key);
      equal(contentLength, undefined, 'HEAD must not report a length, or this case proves nothing');
      await faults({ kind: 'drop-after', nth: 2 });
      equal((await append(client(), key, 'more\n')).position, 2005, 'position');
      await new AppendableObject(client(), key).resume(new Blob([text, 'more\n', 'rest\n']));
      sameBytes((await stored())?.bytes, new TextEncoder().encode(`${text}more\nrest\n`), 'object');
    },
  },
  {
    name: 'engine: a broken connection is a TransportError whose cause is kept, and the outcome is ambiguous',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'drop-after', times: ALWAYS });
      const appending = client().appendObject(key, bytesFrom(21, SIZE), { position: 0 });
      const error = await rejects(appending, TransportError, 'append');
      check(error instanceof OssError && error.cause !== undefined, 'the cause is kept');
      equal([error.code, (await stored())?.appends], ['NetworkError', 1], 'code, and appends');
    },
  },
  ...(['drop-before', 'drop-during'] as const).map(
    (kind): Case => ({
      name: `engine: the fault ${kind} is ambiguous as well`,
      run: async ({ client, key, faults, stored }) => {
        await faults({ kind, times: ALWAYS });
        const appending = client().appendObject(key, bytesFrom(22, SIZE), { position: 0 });
        const { code } = await rejects(appending, TransportError, 'append');
        equal([code, await stored()], ['NetworkError', undefined], 'code, and object');
      },
    }),
  ),
  {
    name: 'engine: a time-out is a TransportError with its own code',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'answer-late', delay: LATE, times: ALWAYS });
      const appending = client({ timeout: SHORT }).appendObject(key, 'abc', { position: 0 });
      equal((await rejects(appending, TransportError, 'append')).code, 'TimeoutError', 'code');
    },
  },
  {
    name: 'engine: a server error after the commit is a ServiceError, and the engine finds the outcome',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'error-after', status: 500 });
      const appending = client().appendObject(key, 'abc', { position: 0 });
      equal((await rejects(appending, ServiceError, 'append')).status, 500, 'status');
      equal((await stored())?.length, 3, 'length');
    },
  },
  {
    name: 'engine: the outcome is unknown when no attempt is left, and the next call finds the truth',
    run: async ({ client, key, faults, noFaults, stored }) => {
      await faults({ kind: 'drop-after' }, { kind: 'drop-before', operation: 'HeadObject', times: ALWAYS });
      const quick = client({ retry: { maxAttempts: 2, baseDelay: 1 } });
      const object = new AppendableObject(quick, key, { tail: { position: 0 } });
      const error = await rejects(object.append('first'), OssError, 'append');
      equal([error.outcome, error.loaded], ['unknown', 0], 'outcome and loaded');
      equal(object.pending.length, 1, 'pending');
      await noFaults();
      await object.append('second');
      sameBytes((await stored())?.bytes, new TextEncoder().encode('firstsecond'), 'object');
    },
  },
  {
    name: 'engine: a rival append of the same length is a conflict and is not mistaken for a success',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'rival', same: true, when: 'before' });
      const error = await rejects(append(client(), key, bytesFrom(23, 5000)), AppendConflictError, 'append');
      equal([error.outcome, error.found, error.position], ['absent', 5000, 0], 'outcome, found, position');
      equal((await stored())?.appends, 1, 'appends');
    },
  },
  {
    name: "engine: a shared object's writer appends after a rival",
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'rival', same: true, when: 'before', nth: 2 });
      const source = bytesFrom(24, SIZE);
      await append(client(), key, source, { shared: true, segmentSize: SEGMENT });
      const { bytes = new Uint8Array() } = (await stored()) ?? {};
      equal(bytes.length, SIZE + SEGMENT, 'length');
      sameBytes(bytes.subarray(0, SEGMENT), source.subarray(0, SEGMENT), 'first segment');
      sameBytes(bytes.subarray(2 * SEGMENT), source.subarray(SEGMENT), 'the rest');
    },
  },
  {
    name: 'engine: bytes that are damaged in transit cause a ChecksumError with their position',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'flip-bit', at: 77, nth: 2 });
      const appending = append(client(), key, bytesFrom(25, SIZE), { segmentSize: SEGMENT });
      const error = await rejects(appending, ChecksumError, 'append');
      equal([error.position, error.code, error.loaded], [SEGMENT, 'ChecksumMismatch', SEGMENT], 'error');
    },
  },
  {
    name: 'engine: nothing can be appended to an object that is not appendable',
    run: async ({ client, key, putNormal }) => {
      await putNormal();
      const error = await rejects(append(client(), key, 'abc'), AppendConflictError, 'append');
      equal(error.code, 'ObjectNotAppendable', 'code');
    },
  },
  {
    name: 'engine: an empty source creates the object, and nothing else',
    run: async ({ client, key, stored }) => {
      equal(await append(client(), key, ''), { position: 0, hashCrc64ecma: '0' }, 'tail');
      await append(client(), key, new Blob([]));
      equal((await stored())?.length, 0, 'length');
    },
  },
  {
    name: 'engine: a presign function can replace credentials, even when an answer is lost',
    run: async (context) => {
      const { faults, stored } = context;
      await faults({ kind: 'drop-after', nth: 2 });
      const asked = await appendWithGrants(context);
      equal(asked.slice(0, 2), ['headObject', 'appendObject'], 'operations asked for');
      sameBytes((await stored())?.bytes, bytesFrom(26, SIZE), 'object');
    },
  },
  {
    name: 'engine: resume continues after the stored bytes, and recognises a complete object',
    run: async ({ client, key, stored }) => {
      const blob = new Blob([bytesFrom(27, SIZE)], { type: 'text/plain' });
      await append(client(), key, blob.slice(0, 12_345));
      const object = new AppendableObject(client(), key, { segmentSize: SEGMENT });
      const seen: number[] = [];
      await object.resume(blob, { onprogress: ({ loaded }) => seen.push(loaded) });
      const appends = (await stored())?.appends;
      await object.resume(blob);
      equal(seen[0], 12_345, 'proven first');
      equal((await stored())?.appends, appends, 'appends after the second resume');
      sameBytes((await stored())?.bytes, bytesFrom(27, SIZE), 'object');
    },
  },
  {
    name: 'engine: resume refuses an object with another beginning',
    run: async ({ client, key }) => {
      await append(client(), key, 'something else');
      const resuming = new AppendableObject(client(), key).resume(new Blob([bytesFrom(28, SIZE)]));
      equal((await rejects(resuming, ChecksumError, 'resume')).code, 'DifferentPrefix', 'code');
    },
  },
  {
    name: 'engine: concurrent calls on one object run one after the other',
    run: async ({ client, key, stored }) => {
      const object = new AppendableObject(client(), key);
      await Promise.all([1, 2, 3, 4].map((n) => object.append(`line ${n}\n`)));
      sameBytes((await stored())?.bytes, new TextEncoder().encode('line 1\nline 2\nline 3\nline 4\n'), 'object');
    },
  },
];

async function exactlyOnce(
  { client, key, faults, stored }: Context,
  rules: readonly FaultRule[],
  options: Partial<OssClientOptions>,
  segmentSize = SEGMENT,
): Promise<void> {
  await faults(...rules);
  const source = bytesFrom(segmentSize, SIZE);
  const seen: number[] = [];
  const onprogress = ({ loaded }: { loaded: number }) => seen.push(loaded);
  const tail = await append(client(options), key, source, { segmentSize, onprogress });
  const object = await stored();
  sameBytes(object?.bytes, source, 'object');
  // A segment that fails twice is sent in parts, so there may be more appends than segments.
  check(Number(object?.appends) >= Math.ceil(SIZE / segmentSize), 'appends');
  equal(tail.position, SIZE, 'tail');
  equal(seen.at(-1), SIZE, 'progress');
  check(
    seen.every((loaded, i) => loaded >= (seen[i - 1] ?? 0)),
    'progress goes forward',
  );
}

/** Makes about eight faults for a dozen segments. The same seed makes the same faults. */
function mixedFaults(seed: number): FaultRule[] {
  const kinds = [
    'drop-before',
    'drop-during',
    'drop-after',
    'error-before',
    'error-after',
    'gateway',
    'repeat',
  ] as const;
  const picks = bytesFrom(seed, 16);
  return [...picks].slice(0, 8).map((pick, index): FaultRule => {
    const nth = 1 + ((picks[index + 8] ?? 0) % 12);
    return { kind: kinds[pick % kinds.length] ?? 'repeat', nth };
  });
}

/** Appends with a client that holds no key, and returns the operations for which it requested a URL. */
async function appendWithGrants({ client, presigned, key }: Context): Promise<string[]> {
  const signer = client();
  const asked: string[] = [];
  const holder = presigned(async ({ operation, key: name, position = 0, size, range, headers }) => {
    asked.push(operation);
    if (operation === 'appendObject') return signer.presignAppendObject(name, { position, size, headers });
    return operation === 'headObject' ? signer.presignHeadObject(name) : signer.presignGetObject(name, { range });
  });
  await append(holder, key, bytesFrom(26, SIZE), { segmentSize: SEGMENT });
  return asked;
}
