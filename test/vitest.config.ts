// The tests of `npm test`. A file that needs a DOM opens with the comment `// @vitest-environment happy-dom`.
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The file that measures the memory of its own process, so it cannot share the process with other files. */
const MEMORY = 'test/engine/memory.test.ts';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    environment: 'node',
    // By default, vitest leaves one core idle. On a machine with two cores, the tests would then run one after another.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 20_000 } },
    // A test that passes only at the second attempt has found a defect.
    retry: 0,
    projects: [
      {
        extends: true,
        test: {
          name: 'threads',
          pool: 'threads',
          include: ['test/**/*.test.ts'],
          // These tests have their own commands, and the memory has its own project.
          exclude: ['test/peers/**', 'test/engine/soak/**', 'test/edge/runtimes-*.test.ts', MEMORY],
        },
      },
      { extends: true, test: { name: 'process', pool: 'forks', include: [MEMORY] } },
    ],
  },
});
