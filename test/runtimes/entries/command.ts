/** The suite in Node, Deno and Bun: imports the library as a server that renders would, then runs, then ends by itself. */
import process from 'node:process';
import { importQuietly } from '../import.ts';
import type { SuiteOptions } from '../suite.ts';

const options: SuiteOptions = JSON.parse(process.argv[2] ?? '');

function watch(report: (problem: string) => void): void {
  process.on('warning', ({ name, message }) => report(`warning: ${name}: ${message}`));
  process.on('unhandledRejection', (reason) => report(`unhandled rejection: ${reason}`));
}

// The suite holds the library too, so it comes after.
const results = [await importQuietly(() => import('../library.ts'))];
const { runSuite, sayBroken } = await import('../suite.ts');
await runSuite({ ...options, watch, results }).catch((error: unknown) => sayBroken(options, error));
