// What Alibaba Cloud and your server do for an example: LocalOss, LocalSts, and a token endpoint.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { appendPolicy, assumeRole } from 'oss-append/sts';
import { serveLocalOss } from 'oss-append/testing/node';

const BUCKET = 'examples';

/** Gives a token for the prefix of the user u1. A real server finds out first who asks, and gives each user a prefix. */
async function giveToken(server, request, response) {
  if (request.url !== '/sts') return response.writeHead(404).end();
  const credentials = await assumeRole({
    ...server.keys,
    roleArn: server.roleArn,
    roleSessionName: 'user-u1',
    durationSeconds: 900,
    policy: appendPolicy({ bucket: BUCKET, prefix: 'inbox/u1/' }),
    endpoint: server.stsUrl,
  });
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(credentials));
}

export async function startCloud() {
  const server = await serveLocalOss({ buckets: [BUCKET] });
  const tokens = createServer((request, response) => {
    giveToken(server, request, response).catch(() => response.writeHead(502).end());
  });
  await new Promise((resolve) => tokens.listen(0, '127.0.0.1', resolve));
  const close = async () => {
    tokens.closeAllConnections();
    await Promise.all([new Promise((resolve) => tokens.close(resolve)), server.close()]);
  };
  const { port } = tokens.address();
  const environment = {
    OSS_ENDPOINT: server.url,
    OSS_BUCKET: BUCKET,
    OSS_ACCESS_KEY_ID: server.keys.accessKeyId,
    OSS_ACCESS_KEY_SECRET: server.keys.accessKeySecret,
    UPLOAD_SECRET: randomUUID(),
  };
  return { oss: server.oss, bucket: BUCKET, tokenServer: `http://127.0.0.1:${port}`, environment, close };
}
