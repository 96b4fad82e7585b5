// A Cloudflare Worker with Hono. It appends the body of `POST /upload/{name}` to an object.
import { Hono } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { append, OssClient, OssError } from 'oss-append';

interface Bindings {
  readonly OSS_ENDPOINT: string;
  readonly OSS_BUCKET: string;
  readonly OSS_ACCESS_KEY_ID: string;
  readonly OSS_ACCESS_KEY_SECRET: string;
  readonly UPLOAD_SECRET: string;
}

const app = new Hono<{ Bindings: Bindings }>();

// Only requests with `Authorization: Bearer UPLOAD_SECRET` get in. With a login, find out here who sends the request.
app.use('/upload/*', (context, next) => bearerAuth({ token: context.env.UPLOAD_SECRET })(context, next));

app.post('/upload/:name', async (context) => {
  const { OSS_ENDPOINT: endpoint, OSS_BUCKET: bucket, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET } = context.env;
  const credentials = { accessKeyId: OSS_ACCESS_KEY_ID, accessKeySecret: OSS_ACCESS_KEY_SECRET };
  const client = new OssClient({ region: 'cn-hangzhou', bucket, endpoint, credentials });
  const { position, hashCrc64ecma } = await append(client, `inbox/${context.req.param('name')}`, context.req.raw.body);
  return context.json({ position, hashCrc64ecma });
});

app.onError((error, context) => {
  if (!(error instanceof OssError)) throw error;
  return context.json({ code: error.code, outcome: error.outcome }, 502);
});

export default app;
