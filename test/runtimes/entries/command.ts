/** The suite in Node, Deno and Bun: imports the library as a server that renders would, then runs, then ends by itself. */
import process from 'node:process';
import { importQuietly } from '../import.ts';
import { runSuite, type SuiteOptions, sayBroken } from '../suite.ts';

const options: SuiteOptions = JSON.parse(process.argv[2] ?? '');

function watch(report: (problem: string) => void): void {
  process.on('warning', ({ name, message }) => report(`warning: ${name}: ${message}`));
  process.on('unhandledRejection', (reason) => report(`unhandled rejection: ${reason}`));
}

try {
  const results = [await importQuietly(() => import('../library.ts'))];
  await runSuite({ ...options, watch, results });
} catch (error) {
  await sayBroken(options, error);
}
