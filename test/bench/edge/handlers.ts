/** The contestants of `npm run bench:edge`, as handlers that run in every runtime. */
import { type EdgeEnvironment, edgeFrom } from '../../../demo/edge/app.ts';
import { wholeBody } from '../../../src/edge/body.ts';
import { BodySegments } from '../../../src/edge/body-segments.ts';
import type { EdgeContext } from '../../../src/edge/index.ts';
import { MAX_OBJECT_SIZE } from '../../../src/tail.ts';
import { platformClock } from '../../../src/waiting/clock.ts';

/** Answers one request. */
export type Handler = (request: Request, context?: Partial<EdgeContext>) => Promise<Response>;

/** The settings of a contestant's process. */
export type ContestantEnvironment = Readonly<Record<string, string | undefined>>;

/** The header with the presigned URL to which the bare proxy sends the body. */
export const TARGET = 'x-target';

/** Returns the contestant that the settings name: our edge, or the references. */
export function handlerFrom(env: ContestantEnvironment): Handler {
  return env['CONTESTANT'] === 'edge' ? edgeFrom(env as unknown as EdgeEnvironment, { user: 'bench' }) : reference;
}

/** Answers the references, which show where the edge spends its time. */
function reference(request: Request): Promise<Response> {
  const references: Readonly<Record<string, Handler>> = { '/read': read, '/gather': gather };
  return (references[new URL(request.url).pathname] ?? proxy)(request);
}

/** Sends the body of the request on, and does nothing else. */
async function proxy({ headers, body }: Request): Promise<Response> {
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' };
  const { status, headers: answered } = await fetch(headers.get(TARGET) ?? '', init);
  return Response.json({ hashCrc64ecma: answered.get('x-oss-hash-crc64ecma') }, { status });
}

/** Reads the body as the edge does, and sends nothing. */
async function read(request: Request): Promise<Response> {
  let size = 0;
  for await (const chunk of chunksOf(request)) size += chunk.byteLength;
  return Response.json({ size });
}

/** Reads the body into segments with their CRC-64 as the edge does, and sends nothing. */
async function gather(request: Request): Promise<Response> {
  const announced = Number(request.headers.get('content-length')) || undefined;
  const body = new BodySegments(chunksOf(request), { segmentSize: undefined, announced, clock: platformClock() });
  let size = 0;
  for (let segment = await body.next(MAX_OBJECT_SIZE); segment; segment = await body.next(MAX_OBJECT_SIZE))
    size += segment.size;
  body.cancel();
  return Response.json({ size });
}

function chunksOf(request: Request): AsyncIterable<Uint8Array<ArrayBuffer>> {
  return wholeBody(request, { most: MAX_OBJECT_SIZE, idle: 30_000, total: 600_000, clock: platformClock() });
}
