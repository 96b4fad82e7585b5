/**
 * Code that must not compile. `npm run check` compiles this file, and nothing runs it. Each line below a
 * `@ts-expect-error` must be an error; otherwise the comment itself is an error.
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
} from '../../src/index.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import { appendPolicy, assumeRole } from '../../src/sts.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { xhrFetch } from '../../src/xhr.ts';

const credentials: Credentials = { accessKeyId: 'a', accessKeySecret: 'b', securityToken: 'c' };
const bucket = { region: 'cn-hangzhou', bucket: 'logs' };
const client = new OssClient({ ...bucket, credentials });
const object = new AppendableObject(client, 'a.log');
const request = { method: 'GET', bucket: 'logs', key: 'a.log' };

export const clients: readonly unknown[] = [
  // @ts-expect-error: the options are required
  new OssClient(),
  // @ts-expect-error: the bucket is required
  new OssClient({ region: 'cn-hangzhou', credentials }),
  // @ts-expect-error: the secret of the key is required
  new OssClient({ ...bucket, credentials: { accessKeyId: 'a' } }),
  // @ts-expect-error: there are only two ways of signing
  new OssClient({ ...bucket, credentials, signing: 'cookie' }),
  // @ts-expect-error: a time-out is a number of ms
  new OssClient({ ...bucket, credentials, timeout: '30s' }),
  // @ts-expect-error: the option is misspelt
  new OssClient({ ...bucket, credentials, retries: 3 }),
  // @ts-expect-error: a presign function gives a URL
  new PresignedClient({ presign: () => 5 }),
  // @ts-expect-error: a presign function is asked for one of four operations
  new PresignedClient({ presign: ({ operation }) => (operation === 'putObject' ? '' : '') }),
];

export async function calls(stream: ReadableStream<Uint8Array>): Promise<void> {
  // @ts-expect-error: the position is required
  await client.appendObject('a.log', 'text', {});
  // @ts-expect-error: a position is a number
  await client.appendObject('a.log', 'text', { position: 5n });
  // @ts-expect-error: a stream cannot be sent again, so only the engine accepts it
  await client.appendObject('a.log', stream, { position: 0 });
  // @ts-expect-error: metadata values are strings
  objectHeaders({ metadata: { size: 5 } });
  // @ts-expect-error: OSS has no such ACL
  objectHeaders({ acl: 'public' });
  // @ts-expect-error: a range has a start
  await client.getObject('a.log', { range: { end: 0 } });
  // @ts-expect-error: HEAD may report no length
  (await client.headObject('a.log')).contentLength.toFixed();
  // @ts-expect-error: the properties of a result are read-only
  (await client.headObject('a.log')).contentLength = 0;
  // @ts-expect-error: CORS may hide the CRC
  (await client.headObject('a.log')).hashCrc64ecma.length;
}

export async function appending(tail: ObjectTail): Promise<void> {
  // @ts-expect-error: the first argument is a client
  new AppendableObject('a.log');
  // @ts-expect-error: a source is required
  await object.append();
  // @ts-expect-error: a number is not a source
  await object.append(5);
  // @ts-expect-error: an object is not a source
  await object.append({ line: 'text' });
  // @ts-expect-error: numbers are not chunks
  await object.append([1, 2, 3]);
  // @ts-expect-error: a stream of objects is not a stream of bytes
  await object.append(new ReadableStream<{ line: string }>());
  // @ts-expect-error: only a Blob can be read again
  await object.resume('text');
  // @ts-expect-error: a position belongs to the object, not to the call
  await object.append('text', { position: 5 });
  // @ts-expect-error: the tail may be unknown
  object.tail.position.toFixed();
  // @ts-expect-error: the tail is read-only
  object.tail = tail;
  // @ts-expect-error: a tail survives JSON, so its CRC is a decimal string
  new AppendableObject(client, 'a.log', { tail: { position: 0, hashCrc64ecma: 0n } });
  // @ts-expect-error: the total of a stream is unknown
  await object.append('text', { onprogress: ({ loaded, total }) => loaded / total });
  // @ts-expect-error: the argument is an AppendableObject, not a client
  new AppendStream(client);
  // @ts-expect-error: the first argument is a client
  await append('a.log', 'text', client);
}

export const parts: readonly unknown[] = [
  // @ts-expect-error: text has no CRC until it is encoded
  () => crc64('text'),
  // @ts-expect-error: a number cannot hold 64 bits
  () => crc64(new Uint8Array(1), 0),
  // @ts-expect-error: the length of the second piece is required
  () => crc64Combine(0n, 0n),
  // @ts-expect-error: the scope needs a date
  () => signV4(request, credentials, { region: 'cn-hangzhou' }),
  // @ts-expect-error: a life time is a number of s
  () => presignV4(request, credentials, { region: 'cn-hangzhou', date: new Date(), expiresIn: '1h' }),
  // @ts-expect-error: the argument is a function that loads credentials
  () => refreshingCredentials(credentials),
  // @ts-expect-error: the URL is required
  () => credentialsFromUrl(),
  // @ts-expect-error: the role is required
  () => assumeRole({ accessKeyId: 'a', accessKeySecret: 'b', roleSessionName: 'd' }),
  // @ts-expect-error: the prefix is required, because nobody should grant a whole bucket by mistake
  () => appendPolicy({ bucket: 'logs' }),
  // @ts-expect-error: the region of a bucket is required
  () => new LocalOss({ buckets: { logs: {} } }),
  // @ts-expect-error: a Request object is not accepted
  () => xhrFetch(new Request('https://example.com')),
];

export function errors(error: unknown): void {
  // @ts-expect-error: any value may be thrown
  error.code.trim();
  if (error instanceof OssError) {
    // @ts-expect-error: only the error of a failed append has a tail
    error.tail.position.toFixed();
    // @ts-expect-error: there are three outcomes
    error.outcome === 'maybe';
    // @ts-expect-error: the properties of an error are read-only
    error.code = 'Mine';
  }
  // @ts-expect-error: the object may not exist
  if (error instanceof AppendConflictError) error.found.toFixed();
}
