/**
 * Drives the demo in a real browser with the settings that `oss-append-local` prints. This server takes the place of a
 * real bucket: its OSS and STS know nothing of the demo.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realSettingsFrom } from '../../demo/host/real-settings.ts';
import { type RealDemo, startRealDemo } from '../../demo/real-server.ts';
import { OssClient } from '../../src/index.ts';
import { run } from '../../src/testing/node/command.ts';
import { untilKept } from './kept.ts';
import { browsers, builtPage, MIB, onDisk, picked } from './visit.ts';
import { useBrowser } from './visits.ts';

/** A run of the command `oss-append-local`. */
interface Command {
  /** The variables of the lines `export NAME=value`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Ends the command, and resolves when it has ended. */
  end(): Promise<unknown>;
}

/** Starts the command on a free port. */
async function startCommand(...args: readonly string[]): Promise<Command> {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let done: Promise<unknown> = ended;
  const text = await new Promise<string>((resolve, reject) => {
    done = run(['--port', '0', ...args], { out: resolve, err: reject, now: Date.now, ended });
  });
  const lines = [...text.matchAll(/^export (\w+)=(.*)$/gm)];
  const variables = Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
  return {
    variables,
    end: () => {
      end();
      return done;
    },
  };
}

describe.each(browsers)('in %s', (name) => {
  const browser = useBrowser(name);
  let command: Command;
  let demo: RealDemo;

  beforeAll(async () => {
    const faults = ['slow:operation=AppendObject,bytesPerSecond=1000000', 'drop-after:operation=AppendObject,every=3'];
    command = await startCommand('--bucket', 'my-bucket:cn-shanghai', ...faults.flatMap((one) => ['--fault', one]));
    const settings = realSettingsFrom(command.variables);
    if (!settings) throw new Error('oss-append-local did not print all settings that the demo needs');
    demo = await startRealDemo(settings, { publicFolder: await builtPage() });
  });
  afterAll(async () => {
    await demo?.close();
    await command?.end();
  });

  test('a file is appended with a token of STS, goes on after a reload in the middle, and is proven equal', async () => {
    const { OSS_REGION: region = '', OSS_BUCKET: bucket = '', OSS_ENDPOINT: endpoint } = command.variables;
    const { OSS_ACCESS_KEY_ID: accessKeyId = '', OSS_ACCESS_KEY_SECRET: accessKeySecret = '' } = command.variables;
    const page = await browser.current.newPage({ locale: 'en-US' });
    page.setDefaultTimeout(60_000);
    const complaints: string[] = [];
    const asked = new Set<string>();
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
    });
    page.on('request', (request) => asked.add(`${new URL(request.url()).origin}`));
    page.on('dialog', (dialog) => void dialog.accept());
    await page.goto(demo.url);
    const input = page.locator('input[type=file]').first();
    const file = picked('real.bin', 5 * MIB);
    await input.setInputFiles(onDisk(file));
    await page.locator('.uppy-StatusBar-actionBtn--upload').click();
    await page.locator('.ruler > svg .stored').first().waitFor();
    await untilKept(page, 1);
    await page.reload();
    await page.locator('.notice', { hasText: 'already holds the first' }).waitFor();
    await page.locator('.uppy-StatusBar-actionBtn--upload').click();
    await page.locator('aside.total.stored').waitFor();
    await page.locator('.proof .verdict.stored').waitFor();
    const kinds = await page.locator('.events li').evaluateAll((items) => items.map((item) => item.dataset['kind']));
    expect(kinds).toContain('went-on');
    const key = (await page.locator('.key code').textContent()) ?? '';
    expect(key).toMatch(/^oss-append-demo\/[0-9a-f]{16}\//);
    const owner = new OssClient({ region, bucket, endpoint, credentials: { accessKeyId, accessKeySecret } });
    const { body } = await owner.getObject(key);
    expect(Buffer.from(await new Response(body).arrayBuffer()).equals(file.buffer)).toBe(true);
    expect(await page.getByRole('switch').count(), 'only “offline” can be played on a real bucket').toBe(1);
    expect(complaints).toEqual([]);
    expect([...asked].filter((origin) => origin !== 'null').sort()).toEqual([demo.url, endpoint].sort());
    expect(await page.content()).not.toContain(accessKeySecret);
  });
});
