/** Checks that the Chinese documents and pictures have the same code, headings and shapes as the English ones. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Each English document, with the path of its translation. */
const pairs: (readonly [string, string])[] = [
  ['README.md', 'README.zh-CN.md'],
  ['demo/examples/README.md', 'demo/examples/README.zh-CN.md'],
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => [`docs/${name}`, `docs/zh-CN/${name}`] as const),
];

const codeBlocks = (text: string) => text.match(/^```.*?^```$/gms) ?? [];

/** Returns the levels of the headings, in their order. */
function headings(text: string): number[] {
  const prose = text.replace(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/^(#+) /gm)].map(([, marks = '']) => marks.length);
}

/** Returns the number of rows of each table. */
function tables(text: string): number[] {
  const prose = text.replace(/^```.*?^```$/gms, '');
  return [...prose.matchAll(/(?:^\|.*\n)+/gm)].map(([rows]) => rows.trim().split('\n').length);
}

test.each(pairs)('%s is translated', (_english, chinese) => {
  expect(existsSync(join(root, chinese)), `${chinese} exists`).toBe(true);
  expect(read(chinese)).toMatch(/[\u4e00-\u9fff]{10}/);
});

test.each(pairs)('the translation of %s has the same code', (english, chinese) => {
  expect(codeBlocks(read(chinese))).toEqual(codeBlocks(read(english)));
});

test.each(pairs)('the translation of %s has the same headings and tables', (english, chinese) => {
  expect(headings(read(chinese))).toEqual(headings(read(english)));
  expect(tables(read(chinese))).toEqual(tables(read(english)));
});

const pictures = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.svg'));

test.each(pictures)('the picture %s has a Chinese version with the same shapes', (name) => {
  const shapes = (svg: string) => svg.replace(' xml:lang="zh-CN"', '').replace(/>[^<]+<\/(text|title|desc)>/g, '/>');
  const chinese = read(`docs/zh-CN/${name}`);
  expect(shapes(chinese)).toBe(shapes(read(`docs/${name}`)));
  expect(chinese).toMatch(/<title id="t">[^<]*[\u4e00-\u9fff]/);
});

test('Chinese documents show the Chinese pictures', () => {
  const shown = pairs.flatMap(([, chinese]) => read(chinese).match(/[\w./-]+\.svg/g) ?? []);
  expect(shown.map((path) => path.replace('docs/zh-CN/', '')).sort()).toEqual(pictures.sort());
});
