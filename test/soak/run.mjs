// `npm run test:soak`: bundles the soak runner, since Node 20 runs no TypeScript, and runs it. See soak.ts for the options.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { install, root } from '../../.ci/project.mjs';

install();
const outfile = join(root, 'build/soak.mjs');
const entryPoints = [join(root, 'test/soak/soak.ts')];
await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', target: 'node20' });
const { status, signal } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: 'inherit' });
if (signal) console.error(`The soak was ended by ${signal}`);
process.exitCode = status ?? 1;
