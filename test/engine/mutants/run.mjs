// `npm run test:mutants` checks that the tests find faults. Each patch (*.patch) puts one fault into the sources, and
// the tests must fail with it.
//
// The first line of a patch says what it breaks. By default, random schedules must find the fault. A second line can
// name a test file instead: `Caught by: test/engine/group.test.ts`. The run fails when a patch does not apply or when the
// tests pass with it.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { install, root } from '../../../.ci/project.mjs';

/** The number of schedules in which a fault must be found. */
const SCHEDULES = 5000;
/** The time in ms after which a run is killed. */
const PATIENCE = 300_000;
const PARTS = [
  'tsconfig.json',
  'src',
  'demo/edge',
  'test/vitest.config.ts',
  'test/engine',
  'test/edge',
  'test/log',
  'test/tools',
  'test/runtimes/polyfill-blob.ts',
];

const folder = (name) => join('build/mutants', name);

/** Copies the sources, and the tests that must find the fault, into a folder for this mutant. */
function copy(name) {
  rmSync(join(root, folder(name)), { recursive: true, force: true });
  for (const part of PARTS) cpSync(join(root, part), join(root, folder(name), part), { recursive: true });
}

function readPatch(file) {
  const [breaks, second = ''] = readFileSync(join(root, 'test/engine/mutants', file), 'utf8').split('\n');
  return { name: basename(file, '.patch'), file, breaks, tests: /^Caught by: (\S+)$/.exec(second)?.[1] };
}

function apply({ name, file }) {
  const args = ['apply', '-C1', '--recount', `--directory=${folder(name)}`, join('test/engine/mutants', file)];
  const { status, stderr } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? undefined : `the patch does not apply: ${stderr.trim().split('\n')[0]}`;
}

function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output });
    });
  });
}

/** Runs random schedules and returns the one that fails. Returns undefined when all of them pass. */
async function bySchedules(name, schedules = SCHEDULES) {
  const outfile = join(root, folder(name), 'soak.mjs');
  const entryPoints = [join(root, folder(name), 'test/engine/soak/soak.ts')];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
  const { status, output } = await run([
    outfile,
    '--schedules',
    String(schedules),
    '--workers',
    '1',
    '--until-failure',
  ]);
  const [, seed, why] = /^seed (\d+) fails: (.*)$/m.exec(output) ?? [];
  if (seed) return `schedule ${seed}: ${why.slice(0, 110)}`;
  if (status !== 0) console.log(`${name}: the schedules could not run: ${output.trim().slice(-200)}`);
  return undefined;
}

/** Runs a test file and returns the name of the test that fails. Returns undefined when all tests pass. */
async function byTests(name, tests) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const config = join(root, folder(name), 'test/vitest.config.ts');
  const { status, output } = await run([vitest, 'run', '--config', config, '--bail=1', '--reporter=tap-flat', tests]);
  const failed = /^not ok \d+ - \S+ > (.*?)( # time=.*)?$/m.exec(output)?.[1];
  if (failed) return failed.slice(0, 110);
  if (status !== 0) console.log(`${name}: the tests could not run: ${output.trim().slice(-200)}`);
  return undefined;
}

/** Tests one mutant. Returns a line for the console, and whether a test found the fault. */
async function examine(patch) {
  copy(patch.name);
  const problem = apply(patch);
  if (problem) return { caught: false, line: problem };
  const how = await (patch.tests ? byTests(patch.name, patch.tests) : bySchedules(patch.name));
  return { caught: how !== undefined, line: how ? `caught by ${how}` : 'SURVIVED' };
}

async function work(queue, counts) {
  for (let patch = queue.shift(); patch; patch = queue.shift()) {
    const { caught, line } = await examine(patch);
    counts[caught ? 'passed' : 'failed']++;
    console.log(`${patch.name}: ${line}`);
    if (!caught) console.log(`  (${patch.breaks})`);
    rmSync(join(root, folder(patch.name)), { recursive: true, force: true });
  }
}

install();
const only = process.argv.slice(2);
const patches = readdirSync(join(root, 'test/engine/mutants'))
  .filter((file) => file.endsWith('.patch'))
  .sort()
  .map(readPatch);
const queue = patches.filter(({ name }) => only.length === 0 || only.includes(name));
const counts = { passed: 0, failed: 0 };
copy('none');
const sound = (await bySchedules('none', 500)) ?? (await byTests('none', 'test/engine/recovery.test.ts'));
if (sound) console.log(`the tests fail without any mutant, so no mutant was tested: ${sound}`);
else await Promise.all(Array.from({ length: availableParallelism() }, () => work(queue, counts)));
rmSync(join(root, 'build/mutants'), { recursive: true, force: true });
if (sound || queue.length > 0 || counts.passed + counts.failed === 0) counts.failed++;
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
