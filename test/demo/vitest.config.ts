// Configures the tests that drive the demo in a browser. `npm run test:demo` runs them; see run.mjs.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/demo/**/*.check.ts'],
    // Each file starts a browser of its own, so they run one after the other.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    retry: 0,
  },
});
