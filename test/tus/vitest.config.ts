// The tests of the edge that start runtimes. `npm run test:tus` runs them.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/edge/runtimes-*.test.ts'],
    environment: 'node',
    pool: 'forks',
    // One file at a time: both start all runtimes.
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    retry: 0,
  },
});
