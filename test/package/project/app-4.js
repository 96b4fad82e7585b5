// The same application as app.js, in the form that webpack 4 understands: it has no top-level await, and does not read "exports".
import { append, OssClient } from 'oss-append';
import { LocalOss } from 'oss-append/dist/testing/index.js';

const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
const credentials = oss.issueToken();
const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch });
append(client, 'app.log', new Blob(['bundled'])).then((tail) => {
  console.log(JSON.stringify({ tail, stored: oss.object('logs', 'app.log').crc64 }));
});
