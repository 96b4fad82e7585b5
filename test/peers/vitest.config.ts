// Configures the tests of `npm run test:peers`.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: { include: ['*.test.ts'], environment: 'node', pool: 'forks', retry: 0 },
});
