// A program that uses all parts of the package. The checks compile it with the types of a page, a worker, and Node.
import {
  AppendableObject,
  AppendConflictError,
  AppendStream,
  append,
  crc64,
  credentialsFromUrl,
  type ObjectTail,
  OssClient,
  OssError,
  objectHeaders,
  PresignedClient,
  presignV4,
  refreshingCredentials,
} from 'oss-append';
import { createEdge, type EdgeHandler, PageGrants } from 'oss-append/edge';
import { LogAppender } from 'oss-append/log';
import { appendPolicy, assumeRole } from 'oss-append/sts';
import { LocalOss } from 'oss-append/testing';
import { xhrFetch } from 'oss-append/xhr';

const bucket = { region: 'cn-hangzhou', bucket: 'logs' };
const key = { accessKeyId: 'a', accessKeySecret: 'b' };

export const oss: LocalOss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
export const local: OssClient = new OssClient({ ...bucket, credentials: oss.issueToken(), fetch: oss.fetch });
export const page: OssClient = new OssClient({ ...bucket, credentials: credentialsFromUrl('/sts'), fetch: xhrFetch });
export const worker: OssClient = new OssClient({ ...bucket, credentials: refreshingCredentials(() => key), fetch });
export const grantee: PresignedClient = new PresignedClient({
  presign: async ({ operation }) => `https://${operation}`,
});

export const edge: EdgeHandler = createEdge({
  oss: bucket,
  credentials: key,
  tokenFor: async () => key,
  authenticate: async (request) => request.headers.get('x-user') ?? undefined,
  prefixOf: (user) => `inbox/${user}/`,
  allows: ({ size }) => size === undefined || size < 1024,
  origins: ['https://app.example.com'],
  onuploaded: ({ tail }) => console.log(tail.position),
});
export const granted: PresignedClient = new PresignedClient({ presign: new PageGrants('https://edge').presign });

export const log: LogAppender = new LogAppender({ ...bucket, credentials: key }, 'app.ndjson', {
  onstored: ({ position, count }) => console.log(position + count),
});

export async function everySource(object: AppendableObject, response: Response): Promise<void> {
  const bytes: Uint8Array = new Uint8Array(3);
  const streamOfBytes: ReadableStream<Uint8Array> = new Blob(['x']).stream();
  await object.append('text');
  await object.append(bytes);
  await object.append(new DataView(new ArrayBuffer(3)));
  await object.append(new ArrayBuffer(3));
  await object.append(new TextEncoder().encode('text'));
  await object.append(new Blob([]));
  await object.append(response);
  await object.append(streamOfBytes);
  await object.append(['a', bytes, new Blob([])]);
  await object.append(chunks());
  if (response.body) await object.append(response.body);
  // The `body` of a Request or Response is `null` if there is no body.
  await object.append(response.body);
  await append(local, 'a.log', new Request('https://example.com/').body);
  await new Response('x').body?.pipeTo(new AppendStream(object));
}

async function* chunks(): AsyncGenerator<string | Uint8Array> {
  yield 'text';
  yield new Uint8Array(3);
}

export async function everyCall(signal: AbortSignal): Promise<ObjectTail | undefined> {
  const object = new AppendableObject(local, 'a.log', {
    segmentSize: 1024,
    headers: objectHeaders({ expires: new Date() }),
  });
  const { position } = await object.append('x', { signal, onprogress: ({ loaded, total = 0 }) => loaded / total });
  await object.resume(new Blob([]), { start: { position } });
  const { body, range } = await local.getObject('a.log', { range: { start: 0, end: 1 }, signal });
  const copy: ObjectTail = await append(page, `copy-of-${range?.start}`, body, { shared: true, contentType: null });
  const { url, headers, method } = await local.presignAppendObject('a.log', { position: copy.position, size: 1 });
  await xhrFetch(url, { method, headers, signal, body: 'x', onprogress: ({ loaded, total }) => loaded / total });
  await assumeRole({ ...key, roleArn: 'c', roleSessionName: 'd', policy: appendPolicy({ bucket: 'a', prefix: 'b/' }) });
  return object.tail;
}

export function everyError(error: unknown): string {
  if (error instanceof AppendConflictError) return `${error.position} ${error.found}`;
  if (error instanceof OssError) return `${error.code} ${error.outcome} ${error.tail?.hashCrc64ecma}`;
  return String(error);
}

export const sum: bigint = crc64(new Uint8Array(1), 0n);
export const query: string = presignV4({ method: 'GET', bucket: 'b', key: 'k' }, key, {
  region: 'r',
  date: new Date(),
  expiresIn: 1,
});
