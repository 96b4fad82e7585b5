/**
 * There is one list of the headers that a bucket's CORS rule must expose. The library, the README and the demo agree
 * with it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import { pageFetch, SAFELISTED } from '../tools/page-fetch.ts';
import { appended, KEYS, localOss, makeClient, refused, scripted } from '../tools/unit-tools.ts';
import { drive, VirtualClock } from '../tools/virtual-clock.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const textOf = (path: string) => readFileSync(join(root, path), 'utf8');
const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());

/** Finds the headers that the library reads, by searching the sources. */
function readHeaders(): Set<string> {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/^(xhr\.ts|sts\.ts|testing\b.*|edge\b.*)$/.test(name),
  );
  const texts = files.map((name) => textOf(`src/${name}`));
  const calls = texts.flatMap((text) => [
    ...text.matchAll(/\b(?:headers\.(?:get|has)\(|visible\(headers, )'([a-z0-9-]+)'\)/g),
  ]);
  const marks = texts.flatMap((text) => [...text.matchAll(/^const MARK = '([a-z0-9-]+)'/gm)]);
  return new Set([...calls, ...marks].map(([, name = '']) => name));
}

test('the list has every header that the library reads and CORS hides, and no other', () => {
  const read = [...readHeaders()].filter((name) => !SAFELISTED.includes(name));
  expect(read.sort()).toEqual(lower(EXPOSED_HEADERS).sort());
});

test('the README contains the list', () => {
  const shown = [...textOf('README.md').matchAll(/<ExposeHeader>(.*?)<\/ExposeHeader>/g)].map(([, name]) => name);
  expect(shown.sort()).toEqual([...EXPOSED_HEADERS].sort());
});

test.each(['demo/host/cors-rule.ts', 'test/runtimes/server.ts'])(
  '%s exposes the list, and contains no list of its own',
  (path) => {
    const text = textOf(path);
    expect(text).toMatch(/exposeHeaders: (\[\.\.\.)?EXPOSED_HEADERS\b/);
    const rules = text.split('\n').filter((line) => /expose/i.test(line));
    expect(EXPOSED_HEADERS.filter((name) => rules.some((rule) => rule.includes(`'${name}'`)))).toEqual([]);
  },
);

test('a page waits as long as OSS asks', async () => {
  const clock = new VirtualClock();
  const oss = localOss({ clock, faults: [{ kind: 'throttle', delay: 9000 }] });
  const fetch = pageFetch(oss.fetch, { exposed: lower(EXPOSED_HEADERS) });
  const client = makeClient({ credentials: KEYS, fetch, clock });
  const began = clock.now();
  await drive(client.appendObject('a', 'x', { position: 0 }), clock, oss);
  expect(clock.now() - began).toBe(9000);
});

test.each<[string, Record<string, string>]>([
  ['x-oss-qos-delay-time', { 'x-oss-qos-delay-time': '9000' }],
  ['Retry-After in seconds', { 'retry-after': '9' }],
  ['Retry-After as a date', { 'retry-after': 'Fri, 02 Jan 2026 12:00:09 GMT', date: 'Fri, 02 Jan 2026 12:00:00 GMT' }],
])('a page waits as long as %s says', async (_, headers) => {
  const clock = new VirtualClock();
  const { fetch } = scripted(refused(503, 'TotalQpsLimitExceeded', {}, headers), appended(1));
  const client = makeClient({ fetch: pageFetch(fetch, { exposed: lower(EXPOSED_HEADERS) }), clock });
  const began = clock.now();
  await drive(client.appendObject('a', 'x', { position: 0 }), clock);
  expect(clock.now() - began).toBe(9000);
});
