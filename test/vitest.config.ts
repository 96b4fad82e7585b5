// The tests of `npm test`. A file that needs a DOM opens with the comment `// @vitest-environment happy-dom`.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    // These tests have their own commands.
    exclude: ['test/peers/**', 'test/engine/soak/**', 'test/edge/runtimes-*.test.ts'],
    environment: 'node',
    // Threads would save a tenth of the time. But with a process for each file, a test can measure its own memory.
    pool: 'forks',
    // By default, vitest leaves one core idle. On a machine with two cores, the tests would then run one after another.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A test that passes only at the second attempt has found a defect.
    retry: 0,
  },
});
