// The tests of `npm run test:local`.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('../../../..', import.meta.url)),
  test: {
    include: ['test/local-oss/node/process/*.process.ts'],
    // Each test runs whole processes, and a loaded machine needs a multiple of the usual time.
    testTimeout: 600_000,
    fileParallelism: false,
    retry: 0,
  },
});
