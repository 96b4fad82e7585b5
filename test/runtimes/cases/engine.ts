/** The engine with faults that really happen on the wire: every byte is there once, or the error says what is known. */
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
/** An attempt may take this long, ms, where a fault keeps it waiting; the answer comes far later than that. */
const SHORT = 400;
const LATE = 5000;
const ALWAYS = 1000;
/** What a bucket's CORS rule hides where nobody thought of it; without the headers of CORS, browsers would hide all. */
const HIDDEN: FaultRule = {
  kind: 'hide-headers',
  names: ['etag', 'content-range', 'x-oss-hash-crc64ecma', 'x-oss-next-append-position', 'x-oss-object-type'],
  times: ALWAYS,
};

/** Faults after which all is well: three segments, of which the second suffers. */
const MENDED: Readonly<
  Record<string, { readonly rules: readonly FaultRule[]; readonly options?: Partial<OssClientOptions> }>
> = {
  'nothing at all': { rules: [] },
  'a connection dropped before the body': { rules: [{ kind: 'drop-before', nth: 2 }] },
  'a connection dropped within the body': { rules: [{ kind: 'drop-during', nth: 2 }] },
  'a connection dropped after the commit': { rules: [{ kind: 'drop-after', nth: 2 }] },
  'the first answer lost': { rules: [{ kind: 'drop-after' }] },
  'every second answer lost': { rules: [1, 3, 5].map((nth) => ({ kind: 'drop-after', nth })) },
  'a 500 before the commit': { rules: [{ kind: 'error-before', nth: 2 }] },
  'a 503 after the commit': { rules: [{ kind: 'error-after', status: 503, nth: 2 }] },
  'a page of a gateway before the commit': { rules: [{ kind: 'gateway', nth: 2 }] },
  'a page of a gateway after the commit': { rules: [{ kind: 'gateway', after: true, nth: 2 }] },
  'an answer later than the time-out': {
    rules: [{ kind: 'answer-late', delay: LATE, nth: 2 }],
    options: { timeout: SHORT },
  },
  'a commit later than the time-out': {
    rules: [{ kind: 'commit-late', delay: SHORT + 150, nth: 2 }],
    options: { timeout: SHORT },
  },
  'a commit that comes when the repeat is done': {
    rules: [{ kind: 'commit-late', delay: 2 * SHORT, nth: 2 }],
    options: { timeout: SHORT },
  },
  'a request that the transport sends twice': { rules: [{ kind: 'repeat', nth: 2 }] },
  throttling: { rules: [{ kind: 'throttle', delay: 20, nth: 2 }] },
  'a lost answer, and headers that are hidden': {
    rules: [
      { ...HIDDEN },
      { ...HIDDEN, operation: 'HeadObject' },
      { ...HIDDEN, operation: 'GetObject' },
      { kind: 'drop-after', nth: 2 },
    ],
  },
  'a lost answer, a lost HEAD and a GET that stalls': {
    rules: [
      { kind: 'drop-after', nth: 2 },
      { kind: 'drop-before', operation: 'HeadObject', nth: 2 },
      { ...HIDDEN, operation: 'HeadObject' },
      { kind: 'stall-body', operation: 'GetObject' },
    ],
    options: { timeout: SHORT },
  },
};

/** A gzip member of a text of 2,700 bytes. */
const MEMBER = Uint8Array.from(atob('H4sIAAAAAAAAA0tUKEpNzi9K4UocZYwyRhmjjFHGKGOUMcoYZYwy6MsAAFonsUWMCgAA'), (letter) =>
  letter.charCodeAt(0),
);

export const engineCases: readonly Case[] = [
  ...Object.entries(MENDED).flatMap(([fault, { rules, options }]) =>
    // What waits for a time-out is shown once.
    (options ? (['header'] as const) : (['header', 'query'] as const)).map(
      (signing): Case => ({
        name: `engine: exactly once, ${signing}-signed, with ${fault}`,
        run: (context) => exactlyOnce(context, rules, { ...options, signing }),
      }),
    ),
  ),
  ...[11, 12, 13].map(
    (seed): Case => ({
      name: `engine: exactly once with a mix of faults (seed ${seed})`,
      run: (context) => exactlyOnce(context, mixedFaults(seed), { timeout: 1000 }, 9000),
    }),
  ),
  {
    name: 'engine: with the CRC hidden by CORS, a lost answer is proven by the bytes',
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
    name: 'engine: an object with a Content-Encoding is proven and resumed, with the CRC hidden',
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
    name: 'engine: the length of a text is found where HEAD does not tell it and the position is hidden',
    run: async ({ client, key, faults, stored }) => {
      await faults({ ...HIDDEN }, { ...HIDDEN, operation: 'HeadObject' }, { ...HIDDEN, operation: 'GetObject' });
      const text = 'line\n'.repeat(400);
      await append(client(), key, text, { contentType: 'text/plain' });
      const { contentLength } = await client().headObject(key);
      equal(contentLength, undefined, 'HEAD tells no length, or this shows nothing');
      await faults({ kind: 'drop-after', nth: 2 });
      equal((await append(client(), key, 'more\n')).position, 2005, 'position');
      await new AppendableObject(client(), key).resume(new Blob([text, 'more\n', 'rest\n']));
      sameBytes((await stored())?.bytes, new TextEncoder().encode(`${text}more\nrest\n`), 'object');
    },
  },
  {
    name: 'engine: a drop is ambiguous: TransportError, and the cause is kept',
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
      name: `engine: ${kind} is ambiguous too`,
      run: async ({ client, key, faults, stored }) => {
        await faults({ kind, times: ALWAYS });
        const appending = client().appendObject(key, bytesFrom(22, SIZE), { position: 0 });
        const { code } = await rejects(appending, TransportError, 'append');
        equal([code, await stored()], ['NetworkError', undefined], 'code, and object');
      },
    }),
  ),
  {
    name: 'engine: a time-out is a TransportError of its own code',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'answer-late', delay: LATE, times: ALWAYS });
      const appending = client({ timeout: SHORT }).appendObject(key, 'abc', { position: 0 });
      equal((await rejects(appending, TransportError, 'append')).code, 'TimeoutError', 'code');
    },
  },
  {
    name: 'engine: a server error after the commit is a ServiceError, whose outcome the engine finds out',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'error-after', status: 500 });
      const appending = client().appendObject(key, 'abc', { position: 0 });
      equal((await rejects(appending, ServiceError, 'append')).status, 500, 'status');
      equal((await stored())?.length, 3, 'length');
    },
  },
  {
    name: 'engine: attempts used up leave the outcome unknown, and the next call finds the truth',
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
    name: 'engine: a rival of the same length is a conflict, and its bytes are not taken for ours',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'rival', same: true, when: 'before' });
      const error = await rejects(append(client(), key, bytesFrom(23, 5000)), AppendConflictError, 'append');
      equal([error.outcome, error.found, error.position], ['absent', 5000, 0], 'outcome, found, position');
      equal((await stored())?.appends, 1, 'appends');
    },
  },
  {
    name: 'engine: shared, it follows the rival',
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
    name: 'engine: bytes damaged on their way are a ChecksumError with their place',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'flip-bit', at: 77, nth: 2 });
      const appending = append(client(), key, bytesFrom(25, SIZE), { segmentSize: SEGMENT });
      const error = await rejects(appending, ChecksumError, 'append');
      equal([error.position, error.code, error.loaded], [SEGMENT, 'ChecksumMismatch', SEGMENT], 'error');
    },
  },
  {
    name: 'engine: an object made otherwise cannot be appended to',
    run: async ({ client, key, putNormal }) => {
      await putNormal();
      const error = await rejects(append(client(), key, 'abc'), AppendConflictError, 'append');
      equal(error.code, 'ObjectNotAppendable', 'code');
    },
  },
  {
    name: 'engine: an empty source makes the object, and nothing more',
    run: async ({ client, key, stored }) => {
      equal(await append(client(), key, ''), { position: 0, hashCrc64ecma: '0' }, 'tail');
      await append(client(), key, new Blob([]));
      equal((await stored())?.length, 0, 'length');
    },
  },
  {
    name: 'engine: a presign function in place of credentials, with a lost answer',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'drop-after', nth: 2 });
      const asked = await appendWithGrants(client, key);
      equal(asked.slice(0, 2), ['headObject', 'appendObject'], 'operations asked for');
      sameBytes((await stored())?.bytes, bytesFrom(26, SIZE), 'object');
    },
  },
  {
    name: 'engine: resume goes on after what is stored, and knows the end',
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
    name: 'engine: resume refuses an object that begins otherwise',
    run: async ({ client, key }) => {
      await append(client(), key, 'something else');
      const resuming = new AppendableObject(client(), key).resume(new Blob([bytesFrom(28, SIZE)]));
      equal((await rejects(resuming, ChecksumError, 'resume')).code, 'DifferentPrefix', 'code');
    },
  },
  {
    name: 'engine: calls on one object queue',
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
  // A segment that fails twice is sent in parts, so that there may be more.
  check(Number(object?.appends) >= Math.ceil(SIZE / segmentSize), 'appends');
  equal(tail.position, SIZE, 'tail');
  equal(seen.at(-1), SIZE, 'progress');
  check(
    seen.every((loaded, i) => loaded >= (seen[i - 1] ?? 0)),
    'progress goes forward',
  );
}

/** Some eight faults on a dozen segments, the same for the same seed. */
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

/** The engine on a client that holds no key, and what it asked to be signed. */
async function appendWithGrants(client: Context['client'], key: string): Promise<string[]> {
  const signer = client();
  const asked: string[] = [];
  const holder = client({
    presign: async ({ operation, key: name, position = 0, size, range, headers }) => {
      asked.push(operation);
      if (operation === 'appendObject') return signer.presignAppendObject(name, { position, size, headers });
      return operation === 'headObject' ? signer.presignHeadObject(name) : signer.presignGetObject(name, { range });
    },
  });
  await append(holder, key, bytesFrom(26, SIZE), { segmentSize: SEGMENT });
  return asked;
}
