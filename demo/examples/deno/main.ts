// A server for Deno. It appends the body of `POST /upload/{name}` to an object.
import { timingSafeEqual } from 'node:crypto';
import { append, OssClient, OssError } from 'oss-append';

const env = (name: string) => Deno.env.get(name) ?? '';
const client = new OssClient({
  region: 'cn-hangzhou',
  bucket: env('OSS_BUCKET'),
  endpoint: Deno.env.get('OSS_ENDPOINT'), // LocalOss; leave it out for a real bucket
  credentials: { accessKeyId: env('OSS_ACCESS_KEY_ID'), accessKeySecret: env('OSS_ACCESS_KEY_SECRET') },
});

const bytes = (text: string) => new TextEncoder().encode(text);
const wanted = bytes(`Bearer ${env('UPLOAD_SECRET')}`);

/** Lets in only requests with `Authorization: Bearer UPLOAD_SECRET`. With a login, find out here who sends the request. */
function isAllowed(request: Request): boolean {
  const given = bytes(request.headers.get('authorization') ?? '');
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

Deno.serve({ hostname: '127.0.0.1', port: Number(env('PORT')) }, async (request) => {
  const [, name] = /^\/upload\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
  if (request.method !== 'POST' || !name) return new Response(null, { status: 404 });
  if (!isAllowed(request)) return new Response(null, { status: 401 });
  try {
    const { position } = await append(client, `inbox/${decodeURIComponent(name)}`, request.body);
    return Response.json({ position });
  } catch (error) {
    if (!(error instanceof OssError)) throw error;
    return Response.json({ code: error.code, outcome: error.outcome }, { status: 502 });
  }
});
