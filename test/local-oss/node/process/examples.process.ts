/** Runs the examples of docs/local.md with the test runners for which they are written. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { serve } from '../../../../src/testing/node/http.ts';
import { root } from './command.ts';

const chromium = process.env['OSS_APPEND_CHROMIUM'] ?? 'none';
mkdirSync(join(root, 'build/local'), { recursive: true });
// The folder is inside of this package, so that the examples find the compiled library by its name.
const folder = mkdtempSync(join(root, 'build/local', 'examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Returns the one example that contains a text. */
function example(part: string): string {
  const text = readFileSync(join(root, 'docs/local.md'), 'utf8');
  const found = [...text.matchAll(/^```js\n(.*?)^```/gms)].filter(([, code = '']) => code.includes(part));
  expect(found).toHaveLength(1);
  return found[0]?.[1] ?? '';
}

/** Runs a test runner, and resolves to what it printed. It rejects if a test fails. */
async function runner(cli: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1', CI: '' };
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, cli), ...args], { cwd: folder, env });
  return stdout;
}

test('the example for vitest passes, and fails if the bytes differ', async () => {
  // Without a file of its own, vitest would use the configuration of this repository.
  writeFileSync(join(folder, 'vitest.config.js'), 'export default {};');
  const run = (name: string, code: string) => {
    writeFileSync(join(folder, `${name}.test.js`), code);
    return runner('node_modules/vitest/vitest.mjs', 'run', `${name}.test.js`);
  };
  const code = example("from 'vitest'");
  expect(await run('good', code)).toMatch(/Tests\s+1 passed/);
  const bad = run('bad', code.replace("toBe('hello')", "toBe('hello!')"));
  await expect(bad).rejects.toMatchObject({ stdout: expect.stringMatching(/Tests\s+1 failed/) });
});

test.skipIf(chromium === 'none')('the example for Playwright passes, and fails without the CORS rule', async () => {
  const headers = { 'content-type': 'text/html' };
  const app = await serve(() => new Response('<!doctype html><title>app</title>', { headers }));
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const use = { baseURL: app.url, launchOptions: { executablePath: chromium, args } };
  const config = {
    testDir: '.',
    testMatch: '*.spec.js',
    outputDir: 'results',
    reporter: 'line',
    timeout: 200_000,
    use,
  };
  writeFileSync(join(folder, 'playwright.config.js'), `export default ${JSON.stringify(config)};`);
  const run = (name: string, code: string) => {
    // The package playwright contains the test runner that @playwright/test passes on.
    writeFileSync(join(folder, `${name}.spec.js`), code.replace('@playwright/test', 'playwright/test'));
    return runner('node_modules/playwright/cli.js', 'test', `${name}.spec.js`);
  };
  try {
    const code = example('@playwright/test');
    expect(await run('good', code)).toContain('1 passed');
    const bad = run('bad', code.replace("buckets: ['logs']", "buckets: ['logs'], cors: []"));
    await expect(bad).rejects.toMatchObject({ stdout: expect.stringContaining('Failed to fetch') });
  } finally {
    await app.close();
  }
});
