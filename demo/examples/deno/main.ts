// A server for Deno. It appends the body of `POST /upload/{name}` to an object.
import { append, OssClient, OssError } from 'oss-append';

const env = (name: string) => Deno.env.get(name) ?? '';
const client = new OssClient({
  region: 'cn-hangzhou',
  bucket: env('OSS_BUCKET'),
  endpoint: env('OSS_ENDPOINT'), // LocalOss; leave it out for a real bucket
  credentials: { accessKeyId: env('OSS_ACCESS_KEY_ID'), accessKeySecret: env('OSS_ACCESS_KEY_SECRET') },
});

Deno.serve({ hostname: '127.0.0.1', port: Number(env('PORT')) }, async (request) => {
  const { pathname } = new URL(request.url);
  if (request.method !== 'POST' || !pathname.startsWith('/upload/')) return new Response(null, { status: 404 });
  try {
    const { position } = await append(client, `inbox/${pathname.slice('/upload/'.length)}`, request.body);
    return Response.json({ position });
  } catch (error) {
    if (!(error instanceof OssError)) throw error;
    return Response.json({ code: error.code, outcome: error.outcome }, { status: 502 });
  }
});
