// The tests of ali-oss. They run in a copy, because they need packages and write files beside themselves.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { npm, root } from '../../.ci/project.mjs';
import { outputOf } from './output.mjs';
import { countReasons } from './reasons.mjs';

const FOLDER = join(root, 'build/sdks/ali-oss');
/** The tests need these packages. ali-oss lists them, with many others, for its development. */
const PACKAGES = /^(mocha|should|mm|sinon|axios|form-data|stream-equal|filereader|@alicloud\/.*)$/;

/** At least this many tests of each file must pass. The other tests need operations that LocalOss lacks. */
const LEAST = {
  object: 97,
  bucket: 40,
  client: 15,
  signature: 4,
  dataFix: 16,
  utils: 12,
  multipart: 9,
  multiversion: 8,
};

/** Runs the tests that sign with V4. Each file runs them a second time with V1, which LocalOss does not check. */
export async function* runAliOss(source, { url, keys, roleArn }) {
  prepare(source);
  const port = new URL(url).port;
  const env = {
    ...process.env,
    ...{ ALI_SDK_OSS_ID: keys.accessKeyId, ALI_SDK_OSS_SECRET: keys.accessKeySecret },
    ...{ ALI_SDK_STS_ID: keys.accessKeyId, ALI_SDK_STS_SECRET: keys.accessKeySecret, ALI_SDK_STS_ROLE: roleArn },
    ...{ ALI_SDK_OSS_REGION: 'oss-cn-hangzhou', ALI_CLOUD_ENDPOINT: `http://localhost:${port}` },
    ALI_SDK_STS_BUCKET: 'first-bucket',
  };
  for (const [name, least] of Object.entries(LEAST)) yield { name, least, ...(await runFile(name, env)) };
}

function prepare(source) {
  for (const part of ['lib', 'test', 'shims']) {
    rmSync(join(FOLDER, part), { recursive: true, force: true });
    cpSync(join(source, part), join(FOLDER, part), { recursive: true });
  }
  const { main, dependencies, devDependencies } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  const needed = Object.entries(devDependencies).filter(([name]) => PACKAGES.test(name));
  const project = { private: true, main, dependencies: { ...dependencies, ...Object.fromEntries(needed) } };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'package.json'), JSON.stringify(project, null, 2));
  if (existsSync(join(FOLDER, 'node_modules/mocha'))) return;
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--package-lock=false'];
  if (!npm('install', '--prefix', FOLDER, ...options)) throw new Error('the packages of ali-oss cannot be installed');
}

async function runFile(name, env) {
  const output = join(FOLDER, `${name}.json`);
  rmSync(output, { force: true });
  const mocha = createRequire(join(FOLDER, 'package.json')).resolve('mocha/bin/mocha');
  const loaded = ['-r', 'should', '-r', join(root, 'test/sdks/localhost.cjs')];
  const reporter = ['--reporter', 'json', '--reporter-option', `output=${output}`];
  const args = [mocha, '--exit', '-t', '30000', ...loaded, ...reporter, '--grep', 'iterate 1', '--invert'];
  const text = await outputOf(process.execPath, [...args, `test/node/${name}.test.js`], { cwd: FOLDER, env });
  if (!existsSync(output)) throw new Error(`mocha wrote no result of ${name}: ${text.slice(-2000)}`);
  const { stats, failures } = JSON.parse(readFileSync(output, 'utf8'));
  const texts = failures.map(({ err }) => `${err.message}\n${err.stack}`);
  return { passed: stats.passes, failed: stats.failures, reasons: countReasons(texts) };
}
