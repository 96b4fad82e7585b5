// Configures the checks of the packed library. `npm run test:package` creates the projects for them; see run.mjs.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/package/*.check.ts'],
    // Compilers and bundlers run in their own processes. So two workers are useful on two cores, but Vitest would start
    // only one.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
