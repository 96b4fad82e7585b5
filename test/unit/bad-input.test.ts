/**
 * A caller's mistake throws a TypeError or RangeError that names it, before any request. The tables cover every public
 * call and every kind of mistake.
 */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as library from '../../src/index.ts';
import {
  AppendableObject,
  type AppendableObjectOptions,
  AppendStream,
  append,
  crc64,
  crc64Combine,
  credentialsFromUrl,
  OssClient,
  type OssClientOptions,
  objectHeaders,
  presignV4,
  refreshingCredentials,
  signV4,
} from '../../src/index.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import { KEYS, makeClient, STS, scripted } from '../tools/unit-tools.ts';

const GIB = 1024 ** 3;
const reached = scripted(new Error('a request was made'));
let loads = 0;
const client = makeClient({
  fetch: reached.fetch,
  credentials: () => {
    loads++;
    return STS;
  },
});

/** A type for arguments that TypeScript would refuse. */
type Wrong = never;
const wrong = (value: unknown): Wrong => value as Wrong;
const sized = (size: number) =>
  wrong({ size, type: '', slice: () => sized(size), arrayBuffer: async () => new ArrayBuffer(0) });

type Case = [name: string, call: () => unknown, kind: typeof TypeError | typeof RangeError, message: RegExp];

/** Runs a call, which may throw or reject, and returns its result or its error. */
async function outcomeOf(call: () => unknown): Promise<unknown> {
  try {
    return { resolved: await call() };
  } catch (error) {
    return error;
  }
}

function refuses(cases: Case[]) {
  test.each(cases)('%s', async (_, call, kind, message) => {
    const before = [reached.sent.length, loads];
    const error = await outcomeOf(call);
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ name: kind.name, message: expect.stringMatching(message) });
    expect([reached.sent.length, loads]).toEqual(before);
  });
}

describe('new OssClient', () => {
  const make = (options: object) => () =>
    new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials: STS, ...options } as OssClientOptions);
  refuses([
    ['no options', () => new OssClient(wrong(undefined)), TypeError, /^options must be an object/],
    ['null', () => new OssClient(wrong(null)), TypeError, /^options must be an object/],
    ['a text', () => new OssClient(wrong('cn-hangzhou')), TypeError, /^options must be an object/],
    ['no region', make({ region: undefined }), TypeError, /^region must be a string such as "cn-hangzhou"/],
    ['a region that is not text', make({ region: 5 }), TypeError, /^region must be a string/],
    ['an empty region', make({ region: '' }), TypeError, /^region must be a string/],
    [
      'a host name as region',
      make({ region: 'oss-cn-hangzhou.aliyuncs.com' }),
      TypeError,
      /^region .*a host goes in endpoint/,
    ],
    [
      'an internal region',
      make({ region: 'oss-cn-hangzhou-internal' }),
      TypeError,
      /^region .*give region "cn-hangzhou" with internal: true/,
    ],
    ['no bucket', make({ bucket: undefined }), TypeError, /^bucket must be a string such as "my-logs"/],
    ['a bucket with a slash', make({ bucket: 'a/b' }), TypeError, /^bucket "a\/b" must be/],
    ['an endpoint that is not text', make({ endpoint: 5 }), TypeError, /^endpoint must be a string such as/],
    ['an empty endpoint', make({ endpoint: '' }), TypeError, /^endpoint must be a string such as/],
    ['an endpoint that is not a host', make({ endpoint: 'http://' }), TypeError, /^endpoint is not a host/],
    ['a host as cname', make({ cname: 'logs.example.com' }), TypeError, /^cname must be true or false/],
    ['internal as text', make({ internal: 'yes' }), TypeError, /^internal must be true or false/],
    ['pathStyle as text', make({ pathStyle: '/logs' }), TypeError, /^pathStyle must be true or false/],
    ['accelerate as text', make({ accelerate: 'global' }), TypeError, /^accelerate must be true, false or 'overseas'/],
    ['no credentials', make({ credentials: undefined }), TypeError, /^credentials are missing; .* PresignedClient/],
    ['credentials as text', make({ credentials: 'AK:SK' }), TypeError, /^accessKeyId is missing/],
    ['empty credentials', make({ credentials: {} }), TypeError, /^accessKeyId is missing/],
    ['no secret', make({ credentials: { accessKeyId: 'AK' } }), TypeError, /^accessKeySecret is missing/],
    [
      'a key id with a comma',
      make({ credentials: { ...KEYS, accessKeyId: 'A,K' } }),
      TypeError,
      /^accessKeyId must be/,
    ],
    [
      'a secret with a line break',
      make({ credentials: { ...KEYS, accessKeySecret: 'SK\n' } }),
      TypeError,
      /^accessKeySecret must be/,
    ],
    [
      'a token that is not text',
      make({ credentials: { ...KEYS, securityToken: 5 } }),
      TypeError,
      /^securityToken must be/,
    ],
    [
      'an expiration that is not a date',
      make({ credentials: { ...STS, expiration: 'soon' } }),
      TypeError,
      /^expiration must be a date/,
    ],
    [
      'presign as text',
      () => new PresignedClient({ presign: wrong('/presign') }),
      TypeError,
      /^presign must be a function/,
    ],
    ['an unknown kind of signing', make({ signing: 'url' }), TypeError, /^signing must be 'header' or 'query'/],
    ['fetch as text', make({ fetch: '/fetch' }), TypeError, /^fetch must be a function/],
    ['no time', make({ timeout: 0 }), RangeError, /^timeout must be above 0 ms, not 0/],
    ['less time', make({ timeout: -1 }), RangeError, /^timeout must be above 0 ms, not -1/],
    ['NaN', make({ timeout: Number.NaN }), RangeError, /^timeout must be above 0 ms, not NaN/],
    ['time as text', make({ timeout: '5' }), TypeError, /^timeout must be above 0 ms, not string$/],
    ['retry as number', make({ retry: 3 }), TypeError, /^retry must be an object/],
    ['retry null', make({ retry: null }), TypeError, /^retry must be an object/],
    [
      'no attempt',
      make({ retry: { maxAttempts: 0 } }),
      RangeError,
      /^retry.maxAttempts must be a whole number from 1, not 0/,
    ],
    ['a fraction of an attempt', make({ retry: { maxAttempts: 1.5 } }), RangeError, /^retry.maxAttempts .*not 1.5/],
    [
      'attempts as text',
      make({ retry: { maxAttempts: '3' } }),
      TypeError,
      /^retry.maxAttempts must be a whole number from 1, not string$/,
    ],
    [
      'a delay below 0',
      make({ retry: { baseDelay: -1 } }),
      RangeError,
      /^retry.baseDelay must be 0 ms or more, not -1/,
    ],
    ['a delay that is NaN', make({ retry: { maxDelay: Number.NaN } }), RangeError, /^retry.maxDelay must be/],
    [
      'requestPayer that is a word',
      make({ requestPayer: 'requester' }),
      TypeError,
      /^requestPayer must be true or false/,
    ],
    ['headersExposed that is a list', make({ headersExposed: [] }), TypeError, /^headersExposed must be true or false/],
    ['a clock without functions', make({ clock: {} }), TypeError, /^clock\.now must be a function/],
  ]);
});

describe('a key', () => {
  const bad: [string, unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    ['missing', undefined, TypeError, /^key must be a string/],
    ['null', null, TypeError, /^key must be a string/],
    ['a number', 5, TypeError, /^key must be a string/],
    ['empty', '', RangeError, /^key "" is empty/],
    ['a slash at the beginning', '/a', RangeError, /^key "\/a" begins with/],
    ['too long', 'k'.repeat(1024), RangeError, /^key "k+" has 1024 bytes/],
    ['dots', '..', RangeError, /^key ".." cannot be sent/],
    ['half of a surrogate pair', '\ud800', RangeError, /^key .* half of a surrogate pair/],
  ];
  const calls: [string, (key: Wrong) => unknown][] = [
    ['appendObject', (key) => client.appendObject(key, 'x', { position: 0 })],
    ['headObject', (key) => client.headObject(key)],
    ['getObject', (key) => client.getObject(key)],
    ['presignAppendObject', (key) => client.presignAppendObject(key, { position: 0 })],
    ['presignHeadObject', (key) => client.presignHeadObject(key)],
    ['presignGetObject', (key) => client.presignGetObject(key)],
    ['AppendableObject', (key) => new AppendableObject(client, key)],
    ['append', (key) => append(client, key, 'x')],
  ];
  for (const [name, call] of calls)
    refuses(bad.map(([what, key, kind, message]) => [`${name}: ${what}`, () => call(wrong(key)), kind, message]));
});

describe('options that are not an object', () => {
  const calls: [string, (options: Wrong) => unknown][] = [
    ['appendObject', (options) => client.appendObject('a', 'x', options)],
    ['headObject', (options) => client.headObject('a', options)],
    ['getObject', (options) => client.getObject('a', options)],
    ['presignAppendObject', (options) => client.presignAppendObject('a', options)],
    ['presignHeadObject', (options) => client.presignHeadObject('a', options)],
    ['presignGetObject', (options) => client.presignGetObject('a', options)],
    ['retry.again', (options) => client.retry.again(1, options)],
    ['new AppendableObject', (options) => new AppendableObject(client, 'a', options)],
    ['AppendableObject.append', (options) => new AppendableObject(client, 'a').append('x', options)],
    ['AppendableObject.resume', (options) => new AppendableObject(client, 'a').resume(new Blob(), options)],
    ['AppendStream', (options) => new AppendStream(new AppendableObject(client, 'a'), options)],
  ];
  for (const [name, call] of calls)
    refuses(
      [null, 5, 'x'].map((value) => [
        `${name}: ${value}`,
        () => call(wrong(value)),
        TypeError,
        name === 'appendObject' ? /^position must be a number|options must be/ : /^options must be an object/,
      ]),
    );
});

describe('a signal', () => {
  const calls: [string, (options: { signal: Wrong }) => unknown][] = [
    ['appendObject', (options) => client.appendObject('a', 'x', { position: 0, ...options })],
    ['headObject', (options) => client.headObject('a', options)],
    ['getObject', (options) => client.getObject('a', options)],
    ['presignAppendObject', (options) => client.presignAppendObject('a', { position: 0, ...options })],
    ['presignHeadObject', (options) => client.presignHeadObject('a', options)],
    ['presignGetObject', (options) => client.presignGetObject('a', options)],
    ['retry.again', (options) => client.retry.again(1, options)],
    ['AppendableObject.open', (options) => new AppendableObject(client, 'a').open(options)],
    ['AppendableObject.append', (options) => new AppendableObject(client, 'a').append('x', options)],
    ['AppendableObject.resume', (options) => new AppendableObject(client, 'a').resume(new Blob(), options)],
    ['append', (options) => append(client, 'a', 'x', options)],
    ['AppendStream', (options) => new AppendStream(new AppendableObject(client, 'a'), options)],
  ];
  for (const [name, call] of calls)
    refuses(
      [new AbortController(), 'signal', 5].map((value) => [
        `${name}: ${typeof value}`,
        () => call({ signal: wrong(value) }),
        TypeError,
        /^signal/,
      ]),
    );
});

describe('the position and the body of an append', () => {
  const at =
    (position: unknown, body: Wrong = wrong('x')) =>
    () =>
      client.appendObject('a', body, { position: wrong(position) });
  const presign = (options: object) => () => client.presignAppendObject('a', wrong({ position: 0, ...options }));
  refuses([
    ['no position', at(undefined), TypeError, /^position must be a whole number from 0, not undefined/],
    ['a position as text', at('0'), TypeError, /^position must be a whole number from 0, not string$/],
    ['a position as bigint', at(0n), TypeError, /^position must be a whole number from 0, not bigint$/],
    ['a position below 0', at(-1), RangeError, /^position must be a whole number from 0, not -1/],
    ['a position that is not a whole number', at(1.5), RangeError, /^position must be a whole number from 0, not 1.5/],
    ['NaN', at(Number.NaN), RangeError, /^position must be a whole number from 0, not NaN/],
    ['Infinity', at(Number.POSITIVE_INFINITY), RangeError, /^position must be a whole number from 0, not Infinity/],
    ['a position that is not a safe integer', at(2 ** 53), RangeError, /^position must be a whole number/],
    [
      'a position beyond 5 GiB',
      at(5 * GIB),
      RangeError,
      /^Cannot append 1 bytes to "a" at position 5368709120: an object holds 5368709120 bytes \(5 GiB\)/,
    ],
    [
      'a body beyond 5 GiB',
      at(0, sized(5 * GIB + 1)),
      RangeError,
      /^Cannot append 5368709121 bytes to "a" at position 0/,
    ],
    [
      'both together',
      at(GIB, sized(4 * GIB + 1)),
      RangeError,
      /^Cannot append 4294967297 bytes to "a" at position 1073741824/,
    ],
    [
      'no body',
      () => client.appendObject('a', wrong(undefined), { position: 0 }),
      TypeError,
      /^body must be a Blob, bytes or a string; for streams use AppendableObject/,
    ],
    ['null', at(0, wrong(null)), TypeError, /^body must be/],
    ['a number', at(0, wrong(5)), TypeError, /^body must be/],
    ['a stream', at(0, wrong(new ReadableStream())), TypeError, /^body must be .*for streams use AppendableObject/],
    ['a list', at(0, wrong([1, 2])), TypeError, /^body must be/],
    [
      'onprogress as text',
      () => client.appendObject('a', 'x', { position: 0, onprogress: wrong('log') }),
      TypeError,
      /^onprogress must be a function/,
    ],
    ['a size below 0', presign({ size: -1 }), RangeError, /^size must be a whole number from 0, not -1/],
    ['a size as text', presign({ size: '5' }), TypeError, /^size must be a whole number from 0, not string$/],
    ['a size beyond 5 GiB', presign({ size: 5 * GIB + 1 }), RangeError, /^Cannot append 5368709121 bytes/],
    ['a presigned position below 0', presign({ position: -1 }), RangeError, /^position must be/],
  ]);
});

describe('the headers that describe an object', () => {
  const mistakes: [string, object, typeof TypeError | typeof RangeError, RegExp][] = [
    ['contentType', { contentType: 'a\r\nb' }, TypeError, /^contentType must be/],
    ['headers', { headers: { Authorization: 'x' } }, TypeError, /^headers: authorization/],
  ];
  refuses([
    ['expires', () => objectHeaders({ expires: wrong(5) }), TypeError, /^expires must be/],
    ['acl', () => objectHeaders({ acl: wrong('everyone') }), TypeError, /^acl must be/],
    ['metadata', () => objectHeaders({ metadata: { a_b: 'c' } }), TypeError, /^metadata: "a_b"/],
    [
      'much metadata',
      () => objectHeaders({ metadata: { a: 'b'.repeat(8192) } }),
      RangeError,
      /^metadata must be 8192 bytes at most, not 8204/,
    ],
    ['tagging', () => objectHeaders({ tagging: { 'a?': 'c' } }), TypeError, /^tagging: "a\?"/],
  ]);
  const calls: [string, (options: Wrong) => unknown][] = [
    ['appendObject', (options) => client.appendObject('a', 'x', wrong({ position: 0, ...(options as object) }))],
    [
      'presignAppendObject',
      (options) => client.presignAppendObject('a', wrong({ position: 0, ...(options as object) })),
    ],
    ['AppendableObject', (options) => new AppendableObject(client, 'a', options)],
    ['append', (options) => append(client, 'a', 'x', options)],
  ];
  for (const [name, call] of calls)
    refuses(
      mistakes.map(([what, options, kind, message]) => [`${name}: ${what}`, () => call(wrong(options)), kind, message]),
    );
});

describe('ranges, life times and time-outs', () => {
  const ranges: [unknown, typeof TypeError | typeof RangeError][] = [
    [{ start: -1, end: 1 }, RangeError],
    [{ start: 2, end: 1 }, RangeError],
    [{ start: 0.5, end: 1 }, RangeError],
    [{ start: -1 }, RangeError],
    [{ start: 0, end: null }, TypeError],
    [{ end: 1 }, TypeError],
    [{}, TypeError],
    ['bytes=0-1', TypeError],
    [{ start: '0', end: '1' }, TypeError],
  ];
  const message = /^range\.(start|end) must be a whole number/;
  refuses(
    ranges.flatMap(([range, kind]): Case[] => [
      [`getObject: ${JSON.stringify(range)}`, () => client.getObject('a', { range: wrong(range) }), kind, message],
      [
        `presignGetObject: ${JSON.stringify(range)}`,
        () => client.presignGetObject('a', { range: wrong(range) }),
        kind,
        message,
      ],
    ]),
  );
  refuses(
    [0, -1, 1.5, 604_801, Number.NaN, '60', null].flatMap((expiresIn): Case[] => [
      [
        `presignHeadObject for ${expiresIn}`,
        () => client.presignHeadObject('a', { expiresIn: wrong(expiresIn) }),
        RangeError,
        /^expiresIn must be 1 to 604800 s, not /,
      ],
      [
        `presignGetObject for ${expiresIn}`,
        () => client.presignGetObject('a', { expiresIn: wrong(expiresIn) }),
        RangeError,
        /^expiresIn must be/,
      ],
      [
        `presignAppendObject for ${expiresIn}`,
        () => client.presignAppendObject('a', { position: 0, expiresIn: wrong(expiresIn) }),
        RangeError,
        /^expiresIn must be/,
      ],
    ]),
  );
  refuses([
    ['retry.again(0)', () => client.retry.again(0), RangeError, /^failures must be a whole number from 1, not 0/],
    ['retry.again(text)', () => client.retry.again(wrong('x')), TypeError, /^failures must be/],
  ]);
});

describe('AppendableObject, append, AppendStream', () => {
  const object = (options: AppendableObjectOptions = {}) => new AppendableObject(client, 'a', options);
  const make = (options: object) => () => object(options);
  const SOURCE = /^source must be a Blob, bytes, a string, a Response, a stream or an iterable, not /;
  refuses([
    ['no client', () => new AppendableObject(wrong(undefined), 'a'), TypeError, /^AppendableObject needs an OssClient/],
    [
      'options for a client',
      () => new AppendableObject(wrong({ region: 'cn-hangzhou' }), 'a'),
      TypeError,
      /^AppendableObject needs an OssClient/,
    ],
    ['append without a client', () => append(wrong(undefined), 'a', 'x'), TypeError, /needs an OssClient/],
    ['a tail as number', make({ tail: 5 }), TypeError, /^tail.position must be a whole number from 0 to 5368709120/],
    ['a tail below 0', make({ tail: { position: -1 } }), RangeError, /^tail.position must be/],
    ['a tail beyond 5 GiB', make({ tail: { position: 5 * GIB + 1 } }), RangeError, /^tail.position must be/],
    [
      'a CRC whose text is not a number',
      make({ tail: { position: 1, hashCrc64ecma: '0xff' } }),
      TypeError,
      /^tail.hashCrc64ecma must be a decimal string/,
    ],
    [
      'a CRC as number, which may have lost digits in JSON',
      make({ tail: { position: 1, hashCrc64ecma: wrong(2 ** 53) } }),
      TypeError,
      /^tail.hashCrc64ecma must be a decimal string/,
    ],
    [
      'a CRC of 65 bits',
      make({ tail: { position: 1, hashCrc64ecma: String(2n ** 64n) } }),
      TypeError,
      /^tail.hashCrc64ecma must be/,
    ],
    ['a segment size of 0', make({ segmentSize: 0 }), RangeError, /^segmentSize must be/],
    ['a segment size that is not a whole number', make({ segmentSize: 1.5 }), RangeError, /^segmentSize must be/],
    ['a segment beyond 5 GiB', make({ segmentSize: 5 * GIB + 1 }), RangeError, /^segmentSize must be/],
    ['flushAfter below 0', make({ flushAfter: -1 }), RangeError, /^flushAfter must be 0 ms or more, not -1/],
    ['flushAfter as text', make({ flushAfter: 'soon' }), TypeError, /^flushAfter must be/],
    ['a crc64 that is not a function', make({ crc64: 'wasm' }), TypeError, /^crc64 must be a function/],
    ['shared as text', make({ shared: 'yes' }), TypeError, /^shared must be true or false/],
    ...[undefined, 5, {}, true, Symbol('s')].map(
      (value): Case => [`append of ${String(value)}`, () => object().append(wrong(value)), TypeError, SOURCE],
    ),
    ['append() without a source', () => append(client, 'a', wrong(undefined)), TypeError, SOURCE],
    [
      'append with onprogress as text',
      () => object().append('x', { onprogress: wrong('log') }),
      TypeError,
      /^onprogress must be a function/,
    ],
    ['resume of text', () => object().resume(wrong('x')), TypeError, /^resume needs a Blob or File/],
    [
      'resume of a stream',
      () => object().resume(wrong(new ReadableStream())),
      TypeError,
      /^resume needs a Blob or File/,
    ],
    [
      'resume with shared: true',
      () => object({ shared: true }).resume(new Blob()),
      TypeError,
      /^resume needs a single writer/,
    ],
    [
      'resume with an invalid start',
      () => object().resume(new Blob(), { start: wrong(5) }),
      TypeError,
      /^start.position must be a whole number/,
    ],
    [
      'a Blob beyond 5 GiB',
      () => object({ tail: { position: 0 } }).append(sized(5 * GIB + 1)),
      RangeError,
      /^Cannot append 5368709121 bytes to "a" at position 0/,
    ],
    [
      'a Blob that is larger than the remaining space',
      () => object({ tail: { position: 5 * GIB } }).append(sized(1)),
      RangeError,
      /^Cannot append 1 bytes to "a" at position 5368709120/,
    ],
    [
      'AppendStream without an object',
      () => new AppendStream(wrong(undefined)),
      TypeError,
      /^AppendStream needs an AppendableObject/,
    ],
    [
      'AppendStream of a client',
      () => new AppendStream(wrong(client)),
      TypeError,
      /^AppendStream needs an AppendableObject/,
    ],
    [
      'AppendStream with onprogress as text',
      () => new AppendStream(object(), { onprogress: wrong('log') }).getWriter().close(),
      TypeError,
      /^onprogress must be a function/,
    ],
  ]);
});

describe('credentials, signatures, checksums', () => {
  const request = { method: 'GET', bucket: 'logs', key: 'a' };
  const scope = { region: 'cn-hangzhou', date: new Date(0) };
  refuses([
    [
      'refreshingCredentials()',
      () => refreshingCredentials(wrong(undefined)),
      TypeError,
      /^refreshingCredentials needs a function/,
    ],
    [
      'refreshingCredentials(object)',
      () => refreshingCredentials(wrong(STS)),
      TypeError,
      /^refreshingCredentials needs a function/,
    ],
    [
      'refreshBefore below 0',
      () => refreshingCredentials(() => STS, { refreshBefore: -1 }),
      RangeError,
      /^refreshBefore must be 0 ms or more, not -1/,
    ],
    ['credentialsFromUrl()', () => credentialsFromUrl(wrong(undefined)), TypeError, /^credentialsFromUrl needs a URL/],
    [
      'credentialsFromUrl(object)',
      () => credentialsFromUrl(wrong({ url: '/sts' })),
      TypeError,
      /^credentialsFromUrl needs a URL/,
    ],
    [
      'credentialsFromUrl with refreshBefore NaN',
      () => credentialsFromUrl('/sts', { refreshBefore: Number.NaN }),
      RangeError,
      /^refreshBefore must be/,
    ],
    ['signV4 without credentials', () => signV4(request, wrong(undefined), scope), TypeError, /^accessKeyId must be/],
    [
      'signV4 with an incomplete key',
      () => signV4(request, wrong({ accessKeyId: 'AK' }), scope),
      TypeError,
      /^accessKeySecret must be/,
    ],
    [
      'signV4 without a region',
      () => signV4(request, KEYS, wrong({ date: new Date() })),
      TypeError,
      /^region must be a string/,
    ],
    [
      'signV4 without a date',
      () => signV4(request, KEYS, wrong({ region: 'cn-hangzhou' })),
      TypeError,
      /^date must be a valid Date/,
    ],
    [
      'signV4 with a date as text',
      () => signV4(request, KEYS, { ...scope, date: wrong('2026-01-02') }),
      TypeError,
      /^date must be a valid Date/,
    ],
    [
      'signV4 with an invalid date',
      () => signV4(request, KEYS, { ...scope, date: new Date(Number.NaN) }),
      TypeError,
      /^date must be a valid Date/,
    ],
    [
      'signV4 with half of a surrogate pair',
      () => signV4({ ...request, key: '\ud800' }, KEYS, scope),
      RangeError,
      /half of a surrogate pair/,
    ],
    [
      'presignV4 without credentials',
      () => presignV4(request, wrong(null), { ...scope, expiresIn: 1 }),
      TypeError,
      /^accessKeyId must be/,
    ],
    [
      'presignV4 without a life time',
      () => presignV4(request, KEYS, wrong(scope)),
      RangeError,
      /^expiresIn must be 1 to 604800 s, not undefined/,
    ],
    [
      'presignV4 for 8 days',
      () => presignV4(request, KEYS, { ...scope, expiresIn: 691_200 }),
      RangeError,
      /^expiresIn must be/,
    ],
    [
      'presignV4 for 13 hours with a token',
      () => presignV4(request, STS, { ...scope, expiresIn: 46_800 }),
      RangeError,
      /^expiresIn must be 1 to 43200 s with an STS token/,
    ],
    ['crc64 of text', () => crc64(wrong('text')), TypeError, /ArrayBuffer/],
    ['crc64 from a number', () => crc64(new Uint8Array(1), wrong(5)), TypeError, /bigint/],
    ['crc64 from 65 bits', () => crc64(new Uint8Array(1), 2n ** 64n), RangeError, /2\^64/],
    ['crc64Combine of numbers', () => crc64Combine(wrong(1), wrong(2), 3), TypeError, /bigint/],
    ['crc64Combine with a negative length', () => crc64Combine(1n, 2n, -1), RangeError, /length/],
  ]);
});

test('these tables contain every public function and class', () => {
  const text = readFileSync(new URL(import.meta.url), 'utf8');
  const errors = Object.values(library).filter(
    (value) => value === library.OssError || value.prototype instanceof Error,
  );
  const names = Object.entries(library).filter(([, value]) => !errors.includes(value as typeof library.OssError));
  expect(names.length).toBeGreaterThanOrEqual(10);
  for (const [name] of names) expect(text).toMatch(new RegExp(`\\b(new )?${name}\\(`));
});
