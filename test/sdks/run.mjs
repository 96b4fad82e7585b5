// `npm run test:sdks` runs the tests that the authors of other clients wrote, unchanged, against oss-append-local. Their
// packages do not contain their tests, so a variable names the folder of the sources:
//
//   ALI_OSS_SOURCE      https://github.com/ali-sdk/ali-oss
//   OSS_PYTHON_SOURCE   https://github.com/aliyun/alibabacloud-oss-python-sdk-v2 (needs python3 with pytest)
//   OSS_GO_SOURCE       https://github.com/aliyun/alibabacloud-oss-go-sdk-v2 (needs go)
//
// A test that fails is only allowed to fail because of an operation that LocalOss lacks, so each suite has a number of
// tests that must pass. The command prints why the others fail.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install, npm, root } from '../../.ci/project.mjs';
import { conclude } from '../../.ci/suite.mjs';
import { runAliOss } from './ali-oss.mjs';
import { runGo } from './go.mjs';
import { runPython } from './python.mjs';

const SUITES = [
  { name: 'ali-oss', variable: 'ALI_OSS_SOURCE', file: 'test/node/object.test.js', start: runAliOss },
  { name: 'Python SDK V2', variable: 'OSS_PYTHON_SOURCE', file: 'tests/integration/test_client.py', start: runPython },
  { name: 'Go SDK V2', variable: 'OSS_GO_SOURCE', file: 'oss/client_integration_test.go', start: runGo },
];

async function startServer() {
  const { serveLocalOss } = await import(pathToFileURL(join(root, 'dist/testing/node/index.js')).href);
  return serveLocalOss({ buckets: ['first-bucket'] });
}

/** Prints the result of one file of tests. */
function report({ name, passed, failed, least, reasons }) {
  const verdict = passed >= least ? '' : `, but ${least} must pass`;
  console.log(`${name}: ${passed} pass, ${failed} fail${verdict}`);
  for (const [reason, count] of reasons) console.log(`  ${count} × ${reason}`);
  return { passed, failed: Math.max(0, least - passed) };
}

/** Returns the suites whose sources are given, and says which are not. */
function givenSuites() {
  return SUITES.filter(({ name, variable, file }) => {
    const source = process.env[variable];
    if (source && !existsSync(join(source, file))) throw new Error(`${variable}: ${source} has no file ${file}`);
    if (!source)
      console.log(`not run: the tests of ${name}, because ${variable} does not name the folder of its sources`);
    return source;
  });
}

async function* runSuites() {
  install();
  if (!npm('run', '--silent', 'compile')) throw new Error('the library does not compile; the output above says why');
  for (const { name, variable, start } of given) {
    const server = await startServer();
    console.log(`\n${name}`);
    for await (const result of start(process.env[variable], server)) yield report(result);
    await server.close();
  }
}

const given = givenSuites();
if (given.length > 0) await conclude(runSuites);
