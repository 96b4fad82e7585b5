// The checks of the packed library. `npm run test:package` makes the projects that they look at; see run.mjs.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/package/*.check.ts'],
    // Compilers and bundlers are processes of their own: two lanes where Vitest would take one for two cores.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
