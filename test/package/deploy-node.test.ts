/** Runs the server for Node of docs/deploy.md, with the adapter that the guide names. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, expect, test, vi } from 'vitest';
import { LocalOss } from '../../src/testing/index.ts';
import { exampleNamed, run } from './examples.ts';

const realFetch = fetch;
const KEYS = { OSS_ACCESS_KEY_ID: 'LTAIexample', OSS_ACCESS_KEY_SECRET: 'ExampleSecretExampleSecret' };
const SETTINGS = {
  ...{ ...KEYS, OSS_REGION: 'cn-hangzhou', OSS_BUCKET: 'my-uploads', ORIGINS: 'https://app.example.com' },
  ...{ UPLOAD_SECRET: 'a secret of the documents, long enough', PORT: '0' },
};
const LENGTH = 600_000;
const TUS = { 'tus-resumable': '1.0.0', cookie: 'user=u1' };

interface Server {
  readonly requestTimeout: number;
  address(): { readonly port: number };
  close(): void;
}
let stop = () => {};
afterAll(() => stop());

/** Starts the server of the guide on a free port. */
async function start(oss: LocalOss): Promise<{ server: Server; url: string }> {
  for (const [name, value] of Object.entries(SETTINGS)) vi.stubEnv(name, value);
  const { server } = (await run(exampleNamed('@hono/node-server', 'docs-deploy'), { oss })) as { server: Server };
  stop = () => server.close();
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

test('an upload whose connection breaks keeps the bytes that arrived, and goes on from there', async () => {
  const accessKeys = { [KEYS.OSS_ACCESS_KEY_ID]: KEYS.OSS_ACCESS_KEY_SECRET };
  const oss = new LocalOss({ buckets: { 'my-uploads': { region: 'cn-hangzhou' } }, accessKeys });
  const { server, url } = await start(oss);
  expect(server.requestTimeout).toBe(0);
  const create = { method: 'POST', headers: { ...TUS, 'upload-length': String(LENGTH) } };
  const created = await realFetch(`${url}/upload`, create);
  const upload = new URL(created.headers.get('location') ?? '', `${url}/upload`);
  const bytes = new Uint8Array(LENGTH).map((_, index) => index % 251);

  const socket = connect(server.address().port, '127.0.0.1');
  const lines = Object.entries({
    ...TUS,
    host: '127.0.0.1',
    'upload-offset': '0',
    'content-type': 'application/offset+octet-stream',
    'content-length': String(LENGTH),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`PATCH ${upload.pathname}${upload.search} HTTP/1.1\r\n${lines.join('')}\r\n`);
  socket.write(bytes.subarray(0, 400_000), () => socket.end().destroySoon());
  await once(socket, 'close');

  const offset = async () => {
    const answer = await realFetch(upload, { method: 'HEAD', headers: TUS });
    return Number(answer.headers.get('upload-offset'));
  };
  await expect.poll(offset, { timeout: 30_000 }).toBe(400_000);
  const rest = {
    method: 'PATCH',
    headers: { ...TUS, 'upload-offset': '400000', 'content-type': 'application/offset+octet-stream' },
    body: bytes.subarray(400_000),
  };
  expect((await realFetch(upload, rest)).status).toBe(204);
  const [key = ''] = oss.keys('my-uploads');
  expect(oss.object('my-uploads', key)?.bytes()).toEqual(bytes);
}, 60_000);
