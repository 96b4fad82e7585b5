// The integration tests of the Go SDK V2 that concern the operations of LocalOss.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../.ci/project.mjs';
import { environmentFor, outputOf } from './output.mjs';
import { countReasons } from './reasons.mjs';

const NAMES = [
  ...['AppendObject', 'ClientAppendFile', 'SealAppendObject', 'PutObject', 'GetObject', 'HeadObject', 'GetObjectMeta'],
  ...['DeleteObject', 'GetObjectAcl', 'GetObjectTagging', 'ListObjects', 'ListObjectsV2', 'ListBuckets', 'PutBucket'],
  ...['DeleteBucket', 'GetBucketInfo', 'GetBucketAcl', 'BucketCors', 'Presign', 'PresignExtra', 'Paginator'],
  ...['ClientExtension', 'ServiceError', 'InvokeOperation', 'GetObjectToFileV2', 'DownloaderTruncate'],
];
/** At least this many of these tests must pass. The other tests need operations that LocalOss lacks. */
const LEAST = 16;

export async function* runGo(source, server) {
  const env = environmentFor(server);
  const cwd = join(source, 'oss');
  const program = join(root, 'build/sdks/go.test');
  const compiled = await outputOf(process.env.GO ?? 'go', ['test', '-c', '-tags', 'integration', '-o', program, '.'], {
    cwd,
    env,
  });
  if (!existsSync(program)) throw new Error(`go does not compile the tests: ${compiled.slice(-2000)}`);
  const failures = [];
  // One test that panics would end the others, so each one has a process of its own.
  for (const name of NAMES) {
    const text = await outputOf(program, ['-test.v', '-test.run', `^Test${name}$`], { cwd, env });
    if (!/^=== RUN/m.test(text)) throw new Error(`there is no Test${name}: ${text.slice(-2000)}`);
    if (!/^--- PASS/m.test(text)) failures.push(text.replaceAll(/^===.*$/gm, ''));
  }
  const failed = failures.length;
  yield {
    name: `${NAMES.length} tests`,
    passed: NAMES.length - failed,
    failed,
    least: LEAST,
    reasons: countReasons(failures),
  };
}
