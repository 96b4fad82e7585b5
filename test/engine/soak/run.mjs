// `npm run test:soak` bundles soak.ts and runs it. The bundle is needed because Node 20 cannot run TypeScript.
// The options are described in soak.ts.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { install, root } from '../../../.ci/project.mjs';

install();
const outfile = join(root, 'build/soak.mjs');
const entryPoints = [join(root, 'test/engine/soak/soak.ts')];
await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
const { status, signal } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' });
if (signal) console.error(`The signal ${signal} ended the soak test.`);
process.exitCode = status ?? 1;
