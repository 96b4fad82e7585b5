/** A process that appends records to an object, one after the other: `node writer.mjs <origin> <records>`. */
import { AppendableObject, OssClient } from '../../src/index.ts';

const [endpoint = '', records = '0'] = process.argv.slice(2);
const credentials = { accessKeyId: 'LTAIunit', accessKeySecret: 'UnitSecretUnitSecretUnitSecret' };
const retry = { maxAttempts: 100, baseDelay: 1, maxDelay: 5 };
const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', endpoint, credentials, retry });
const log = new AppendableObject(client, 'a.log');
for (let n = 0; n < Number(records); n++) await log.append(`{"n":${n},"pad":"${'x'.repeat((n * 97) % 3000)}"}\n`);
