/**
 * What should not compile does not. `npm run check` compiles this file and nothing runs it: each line below its
 * `@ts-expect-error` is an error, or that comment is one.
 */
import {
  AppendableObject,
  AppendConflictError,
  AppendStream,
  append,
  type Credentials,
  crc64,
  crc64Combine,
  credentialsFromUrl,
  type ObjectTail,
  OssClient,
  OssError,
  objectHeaders,
  presignV4,
  refreshingCredentials,
  signV4,
} from '../src/index.ts';
import { appendPolicy, assumeRole } from '../src/sts.ts';
import { LocalOss } from '../src/testing/index.ts';
import { xhrFetch } from '../src/xhr.ts';

const credentials: Credentials = { accessKeyId: 'a', accessKeySecret: 'b', securityToken: 'c' };
const bucket = { region: 'cn-hangzhou', bucket: 'logs' };
const client = new OssClient({ ...bucket, credentials });
const object = new AppendableObject(client, 'a.log');
const request = { method: 'GET', bucket: 'logs', key: 'a.log' };

export const clients: readonly unknown[] = [
  // @ts-expect-error: options are required
  new OssClient(),
  // @ts-expect-error: so is the bucket
  new OssClient({ region: 'cn-hangzhou', credentials }),
  // @ts-expect-error: a secret goes with its id
  new OssClient({ ...bucket, credentials: { accessKeyId: 'a' } }),
  // @ts-expect-error: one of two signatures
  new OssClient({ ...bucket, credentials, signing: 'cookie' }),
  // @ts-expect-error: ms, as a number
  new OssClient({ ...bucket, credentials, timeout: '30s' }),
  // @ts-expect-error: a misspelt option
  new OssClient({ ...bucket, credentials, retries: 3 }),
  // @ts-expect-error: a presign function gives a URL
  new OssClient({ ...bucket, presign: () => 5 }),
  // @ts-expect-error: a presign function is asked for one of three operations
  new OssClient({ ...bucket, presign: ({ operation }) => (operation === 'putObject' ? '' : '') }),
];

export async function calls(stream: ReadableStream<Uint8Array>): Promise<void> {
  // @ts-expect-error: no position
  await client.appendObject('a.log', 'text', {});
  // @ts-expect-error: a position is a number
  await client.appendObject('a.log', 'text', { position: 5n });
  // @ts-expect-error: a stream cannot be sent again: that is the engine's
  await client.appendObject('a.log', stream, { position: 0 });
  // @ts-expect-error: metadata are strings
  objectHeaders({ metadata: { size: 5 } });
  // @ts-expect-error: not an ACL of OSS
  objectHeaders({ acl: 'public' });
  // @ts-expect-error: a range has a start
  await client.getObject('a.log', { range: { end: 0 } });
  // @ts-expect-error: HEAD may not tell the length
  (await client.headObject('a.log')).contentLength.toFixed();
  // @ts-expect-error: an answer's position may not be what was asked: it is read, not set
  (await client.headObject('a.log')).contentLength = 0;
  // @ts-expect-error: CORS may hide the CRC
  (await client.headObject('a.log')).hashCrc64ecma.length;
}

export async function appending(tail: ObjectTail): Promise<void> {
  // @ts-expect-error: a client first
  new AppendableObject('a.log');
  // @ts-expect-error: nothing to append
  await object.append();
  // @ts-expect-error: a number is no source
  await object.append(5);
  // @ts-expect-error: objects are no bytes
  await object.append({ line: 'text' });
  // @ts-expect-error: numbers are no chunks
  await object.append([1, 2, 3]);
  // @ts-expect-error: a stream of objects is none of bytes
  await object.append(new ReadableStream<{ line: string }>());
  // @ts-expect-error: only a Blob can be read again
  await object.resume('text');
  // @ts-expect-error: a position belongs to the object, not to the call
  await object.append('text', { position: 5 });
  // @ts-expect-error: the end may not be known
  object.tail.position.toFixed();
  // @ts-expect-error: it is read, not set
  object.tail = tail;
  // @ts-expect-error: tails survive JSON, so a CRC is a decimal string
  new AppendableObject(client, 'a.log', { tail: { position: 0, hashCrc64ecma: 0n } });
  // @ts-expect-error: the total of a stream is not known
  await object.append('text', { onprogress: ({ loaded, total }) => loaded / total });
  // @ts-expect-error: an object, not a client
  new AppendStream(client);
  // @ts-expect-error: a client comes first
  await append('a.log', 'text', client);
}

export const parts: readonly unknown[] = [
  // @ts-expect-error: text has no CRC before it is encoded
  () => crc64('text'),
  // @ts-expect-error: 64 bits do not fit a number
  () => crc64(new Uint8Array(1), 0),
  // @ts-expect-error: the second length is needed
  () => crc64Combine(0n, 0n),
  // @ts-expect-error: a scope has a date
  () => signV4(request, credentials, { region: 'cn-hangzhou' }),
  // @ts-expect-error: s, as a number
  () => presignV4(request, credentials, { region: 'cn-hangzhou', date: new Date(), expiresIn: '1h' }),
  // @ts-expect-error: credentials come of a function
  () => refreshingCredentials(credentials),
  // @ts-expect-error: from somewhere
  () => credentialsFromUrl(),
  // @ts-expect-error: a role is needed
  () => assumeRole({ accessKeyId: 'a', accessKeySecret: 'b', roleSessionName: 'd' }),
  // @ts-expect-error: a prefix is needed: a grant of the whole bucket is never meant
  () => appendPolicy({ bucket: 'logs' }),
  // @ts-expect-error: a bucket has a region
  () => new LocalOss({ buckets: { logs: {} } }),
  // @ts-expect-error: a Request object is not taken apart
  () => xhrFetch(new Request('https://example.com')),
];

export function errors(error: unknown): void {
  // @ts-expect-error: anything may be thrown
  error.code.trim();
  if (error instanceof OssError) {
    // @ts-expect-error: only a failed append knows a tail
    error.tail.position.toFixed();
    // @ts-expect-error: three outcomes
    error.outcome === 'maybe';
    // @ts-expect-error: facts are read, not set
    error.code = 'Mine';
  }
  // @ts-expect-error: there may be no object
  if (error instanceof AppendConflictError) error.found.toFixed();
}
