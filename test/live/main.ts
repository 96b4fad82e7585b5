/** Runs the runtime suite and the questions on a bucket, cleans up, and prints the report. run.mjs has the options. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { serveLocalOss } from '../../src/testing/node/index.ts';
import type { Report } from '../runtimes/context.ts';
import { type Counts, type Places, main as runRuntimes } from '../runtimes/main.ts';
import { CONSENT, type Environment, type LiveSettings, readSettings } from './environment.ts';
import { askAll } from './questions.ts';
import { type RuntimeReport, writeReport } from './report.ts';
import { type LiveServer, startLiveServer } from './server.ts';

/** The runtimes of a run without a choice. A page refuses a key without a token. */
const RUNTIMES = ['node', 'deno', 'bun'];
const BROWSERS = ['chromium window', 'firefox window'];

/** The environment of a run on this machine. */
async function localEnvironment(): Promise<{ env: Environment; close(): Promise<void> }> {
  const { url, oss, close } = await serveLocalOss({ buckets: ['local-bucket'] });
  const { accessKeyId, accessKeySecret, securityToken } = oss.issueToken();
  const key = {
    OSS_ACCESS_KEY_ID: accessKeyId,
    OSS_ACCESS_KEY_SECRET: accessKeySecret,
    OSS_SECURITY_TOKEN: securityToken,
  };
  const place = { OSS_REGION: 'cn-hangzhou', OSS_BUCKET: 'local-bucket', OSS_ENDPOINT: url };
  return { env: { [CONSENT]: 'yes', ...place, ...key }, close };
}

export async function main(args: readonly string[], findPlaces: () => Promise<Places>): Promise<Counts> {
  const local = args.includes('--local') ? await localEnvironment() : undefined;
  try {
    const settings = await readSettings(local?.env ?? process.env);
    return await run(
      settings,
      args.filter((arg) => !arg.startsWith('--')),
      await findPlaces(),
    );
  } finally {
    await local?.close();
  }
}

async function run(settings: LiveSettings, given: readonly string[], places: Places): Promise<Counts> {
  const all = settings.credentials.securityToken ? [...RUNTIMES, ...BROWSERS] : RUNTIMES;
  const chosen = given.length > 0 ? given : all;
  const runtimes: RuntimeReport[] = [];
  let server: LiveServer | undefined;
  const start = async (folder: string) => {
    server = await startLiveServer(folder, settings);
    return server;
  };
  const onreport = (runtime: string, report: Report) => void runtimes.push({ ...report, runtime });
  const work = async () => {
    const counts = await runRuntimes(places, { chosen, strict: false, start, onreport });
    if (!server) throw new Error('the server did not start');
    return { counts, answers: await askAll(server.bucketBehind, settings.prefix) };
  };
  const { counts, answers } = await Promise.race([work(), interruption()]).catch(async (error) => {
    await cleanUpEarly(server, settings);
    throw error;
  });
  const left = (await server?.bucketBehind.cleanUp()) ?? [];
  const { version } = JSON.parse(readFileSync(join(places.root, 'package.json'), 'utf8'));
  console.log(`\n${writeReport({ date: new Date(), version, runtimes, answers, left }, settings)}`);
  const unanswered = answers.filter(({ answer }) => answer.startsWith('failed: ')).length;
  return {
    passed: counts.passed + answers.length - unanswered + (left.length === 0 ? 1 : 0),
    failed: counts.failed + unanswered + (left.length === 0 ? 0 : 1),
  };
}

/** Rejects when somebody ends the run. A second signal ends the process at once. */
function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        console.log(`${signal}: the objects of this run are being deleted.`);
        reject(new Error(`The run was ended by ${signal}`));
      });
  });
}

/** Deletes the objects of a run that ends early. Otherwise their storage would cost money every day. */
async function cleanUpEarly(server: LiveServer | undefined, { prefix }: LiveSettings): Promise<void> {
  // From now on, no runtime reaches the bucket.
  await server?.close();
  const left = (await server?.bucketBehind.cleanUp()) ?? [];
  const rest = `${left.length} objects could not be deleted. They are below the prefix ${prefix}`;
  console.log(left.length === 0 ? 'Every object of this run was deleted.' : rest);
}
