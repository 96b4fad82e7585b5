/** Checks that the API reference in docs/api matches the sources, and that it has every public name. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makePages, readPages } from '../api/reference.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = readPages(join(root, 'docs/api'));

/** Returns the public names of each entry: the indented lines at the beginning of the API report. */
function publicNames(): Readonly<Record<string, string[]>> {
  const names: Record<string, string[]> = {};
  let entry = '';
  for (const line of readFileSync(join(root, 'test/api/oss-append.api.txt'), 'utf8').split('\n')) {
    if (line.startsWith('oss-append')) entry = line.slice('oss-append/'.length) || 'index';
    else if (/^ {2}\w+$/.test(line)) names[entry] = [...(names[entry] ?? []), line.trim()];
    else if (line) break;
  }
  return names;
}

test('the reference is the one that the sources give (if not, run `npm run docs:api`)', async () => {
  expect(pages).toEqual(await makePages());
}, 300_000);

test('every public name has a heading on the page of its entry', () => {
  const all = publicNames();
  expect(Object.keys(all).length).toBeGreaterThanOrEqual(6);
  for (const [entry, names] of Object.entries(all)) {
    const headings = pages[`${entry}.md`]?.match(/^#+ .*$/gm)?.join('\n') ?? '';
    const missing = names.filter((name) => !new RegExp(`^#+ (\`abstract\` )?${name}(\\(\\))?$`, 'm').test(headings));
    expect(missing, entry).toEqual([]);
  }
});
