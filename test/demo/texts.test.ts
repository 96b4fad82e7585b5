/** The texts of the page: each language has all of them, with the same places for values. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { en } from '../../demo/page/text/en.ts';
import { findingsZh } from '../../demo/page/text/findings-zh.ts';
import { zh } from '../../demo/page/text/zh.ts';
import { FINDINGS } from '../../src/doctor/findings.ts';

/** The names of the values that a text has places for. */
function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => String(name)).sort();
}

test('Chinese has the same texts as English, and none is empty', () => {
  expect(Object.keys(zh)).toEqual(Object.keys(en));
  expect(Object.entries(zh).filter(([, text]) => text.trim() === '')).toEqual([]);
});

test('each Chinese text has places for the same values as the English one', () => {
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect(places(zh[key]), key).toEqual(places(en[key]));
});

test('each Chinese text is written in Chinese', () => {
  const same = (Object.keys(en) as (keyof typeof en)[]).filter((key) => !/\p{Script=Han}/u.test(zh[key]));
  // A message of the library stays as it is.
  expect(same).toEqual(['chartNow', 'reasonUnknown']);
});

test('what the doctor says is there in Chinese, with the same facts', () => {
  expect(Object.keys(findingsZh).sort()).toEqual(Object.keys(FINDINGS).sort());
  for (const [code, [says, mend]] of Object.entries(FINDINGS)) {
    const [saysZh, mendZh] = findingsZh[code as keyof typeof findingsZh];
    // The hint of the client is English, so the Chinese page has its own text for each code.
    const facts = places(says + mend).filter((name) => name !== 'hint');
    expect(
      places(saysZh + mendZh).filter((name) => name !== 'hint'),
      code,
    ).toEqual(facts);
  }
});

test('the page and the Chinese guide say the same about each cause', () => {
  const guide = readFileSync(new URL('../../docs/zh-CN/doctor.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `([\w-]+)` \| (.*?) \| (.*?) \|/gm)];
  // The guide names one case of `refused`. The page shows the hint of the client.
  const said = rows.filter(([, code]) => code !== 'refused').map(([, code, says, mend]) => [code, [says, mend]]);
  const { refused: _, ...sentences } = findingsZh;
  expect(Object.fromEntries(said)).toEqual(sentences);
});
