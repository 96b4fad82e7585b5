/** A page of another origin uses every way of an edge, and its user signs in with `Authorization: Bearer`, without cookies. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEdge } from '../../src/edge/index.ts';
import { appendPolicy, assumeRole } from '../../src/sts.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import { type LocalOssServer, serveLocalOss } from '../../src/testing/node/index.ts';
import { browsers, launch } from './visit.ts';

const BUCKET = 'my-uploads';
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The page. Each way stores the word `hello` in an object of its own. */
const PAGE = `
import { Upload } from 'tus-js-client';
import { AppendableObject, credentialsFromUrl, OssClient, PresignedClient } from './src/index.ts';
import { PageGrants } from './src/edge/index.ts';

const headers = { authorization: 'Bearer u1' };
const withLogin = (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...headers } });
window.send = {
  token: ({ edge, endpoint }) => {
    const credentials = credentialsFromUrl(edge + '/token', { method: 'POST', headers });
    const client = new OssClient({ region: 'cn-hangzhou', bucket: '${BUCKET}', endpoint, credentials });
    return new AppendableObject(client, 'inbox/u1/token').append('hello');
  },
  grant: ({ edge }) => {
    const client = new PresignedClient({ presign: new PageGrants(edge, { fetch: withLogin }).presign });
    return new AppendableObject(client, 'inbox/u1/grant').append('hello');
  },
  plain: async ({ edge }) => {
    const url = edge + '/upload/' + encodeURIComponent('inbox/u1/plain');
    const { status } = await withLogin(url, { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } });
    if (status !== 200) throw new Error(String(status));
  },
  tus: ({ edge }) => new Promise((onSuccess, onError) => {
    const endpoint = edge + '/upload/' + encodeURIComponent('inbox/u1/tus');
    new Upload(new Blob(['hello']), { endpoint, headers, onSuccess: () => onSuccess(), onError, retryDelays: null }).start();
  }),
};
`;

describe.skipIf(!browsers.includes('chromium'))('a page of another origin without cookies', () => {
  let store: LocalOssServer;
  let site: Served;
  let edge: Served;

  beforeAll(async () => {
    const stdin = { contents: PAGE, resolveDir: ROOT, loader: 'js' as const };
    const { outputFiles } = await build({ stdin, bundle: true, format: 'esm', write: false, logLevel: 'error' });
    const script = outputFiles[0]?.text ?? '';
    site = await serve(({ url }) => {
      const isScript = new URL(url).pathname === '/page.js';
      const body = isScript
        ? script
        : '<!doctype html><title>Page</title><script type="module" src="/page.js"></script>';
      return new Response(body, { headers: { 'content-type': isScript ? 'text/javascript' : 'text/html' } });
    });
    store = await serveLocalOss({ buckets: [BUCKET], port: 0 });
    edge = await serve(edgeFor(store, site.url));
  });
  afterAll(async () => {
    for (const served of [edge, site, store]) await served?.close();
  });

  test.each(['token', 'grant', 'plain', 'tus'])('the way “%s” stores an object', async (way) => {
    await using browser = await launch('chromium');
    const page = await browser.newPage();
    await page.goto(site.url);
    await page.waitForFunction('window.send');
    const place = JSON.stringify({ edge: edge.url, endpoint: store.url });
    await page.evaluate(`window.send.${way}(${place})`);
    expect(new TextDecoder().decode(store.oss.object(BUCKET, `inbox/u1/${way}`)?.bytes())).toBe('hello');
  });
});

/** Makes an edge that knows a user only by the header Authorization. */
function edgeFor({ url: endpoint, stsUrl, keys, roleArn }: LocalOssServer, origin: string) {
  return createEdge({
    oss: { region: 'cn-hangzhou', bucket: BUCKET, endpoint },
    credentials: keys,
    authenticate: ({ headers }) => /^Bearer (u\d)$/.exec(headers.get('authorization') ?? '')?.[1],
    prefixOf: (user) => `inbox/${user}/`,
    origins: [origin],
    uploadSecret: 'a secret of this test that is long enough',
    tokenFor: (user, prefix) => {
      const policy = appendPolicy({ bucket: BUCKET, prefix });
      return assumeRole({ ...keys, roleArn, roleSessionName: user, durationSeconds: 900, policy, endpoint: stsUrl });
    },
  });
}
