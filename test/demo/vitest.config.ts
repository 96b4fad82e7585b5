// Configures the tests that drive the demo in a browser. `npm run test:demo` runs them; see run.mjs.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: ['test/demo/**/*.check.ts'],
    // Each file starts a browser of its own, and mostly waits for it. So the files run side by side, one on each core.
    maxWorkers: availableParallelism(),
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // By default `expect.poll` waits for one second, which is too short for a browser on a busy machine.
    expect: { poll: { timeout: 60_000 } },
    retry: 0,
  },
});
