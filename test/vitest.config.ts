// The tests of `npm test`. A file that needs a DOM opens with the comment `// @vitest-environment happy-dom`.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/**/*.test.ts'],
    // These have a command of their own.
    exclude: ['test/peers/**', 'test/soak/**'],
    environment: 'node',
    // Threads save a tenth of the time; a process for each file lets a test measure its own memory.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A test that passes only on a second try has found something.
    retry: 0,
  },
});
