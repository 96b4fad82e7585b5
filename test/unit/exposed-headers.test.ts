/** The CORS rule of the documents exposes every header of an answer that the library reads. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';

/** The headers that a page can read without a rule (Fetch standard, CORS-safelisted response-header names). */
const SAFELISTED = [
  'cache-control',
  'content-language',
  'content-length',
  'content-type',
  'expires',
  'last-modified',
  'pragma',
];

/** Returns the names of the headers that the sources read from an answer of OSS. */
function namesRead(): string[] {
  const names = new Set<string>();
  for (const folder of ['request', 'append', 'log', 'doctor']) {
    const path = new URL(`../../src/${folder}/`, import.meta.url);
    for (const file of readdirSync(path)) {
      const source = readFileSync(new URL(file, path), 'utf8');
      for (const [, name = ''] of source.matchAll(/(?:headers\.(?:get|has)\(|visible\(headers, )'([a-z0-9-]+)'/g))
        names.add(name);
    }
  }
  return [...names].sort();
}

test('every header that the library reads is exposed by the CORS rule or needs no rule', () => {
  const names = namesRead();
  expect(names).toContain('x-oss-next-append-position');
  expect(names.length).toBeGreaterThan(14);
  const readable = [...SAFELISTED, ...EXPOSED_HEADERS.map((name) => name.toLowerCase())];
  expect(names.filter((name) => !readable.includes(name))).toEqual([]);
});

test('the rule names each header in full, because OSS allows no wildcard there', () => {
  expect(EXPOSED_HEADERS.filter((name) => /[*<>&'"]/.test(name))).toEqual([]);
});
