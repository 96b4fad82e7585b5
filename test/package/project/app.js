// Appends once to a LocalOss in memory, and prints the tail and the CRC of the stored object.
import { append, OssClient } from 'oss-append';
import { LocalOss } from 'oss-append/testing';

const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
const credentials = oss.issueToken();
const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials, fetch: oss.fetch });
const tail = await append(client, 'app.log', new Blob(['bundled']));
console.log(JSON.stringify({ tail, stored: oss.object('logs', 'app.log').crc64 }));
