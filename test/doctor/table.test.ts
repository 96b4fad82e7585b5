/** The document has the same table as the code, and each cause is provoked in some case. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bucketRule } from '../../src/doctor/bucket-rule.ts';
import { causeOf, FINDINGS, type FindingCode } from '../../src/doctor/findings.ts';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import { PAGE_CASES } from './browser/page-cases.ts';
import { CASES } from './cases.ts';
import { makeTable, REFUSALS, refusalOf } from './table.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/doctor.md lists each code with its cause, its cure and the answers of OSS, in the words of the code', async () => {
  const shown = read('docs/doctor.md')
    .split('\n')
    .filter((line) => line.startsWith('|'));
  expect(shown.join('\n')).toBe(await makeTable());
});

const refusals = Object.entries(REFUSALS).flatMap(([code, list]) => list.map((refusal) => [code, refusal] as const));

test.each(refusals)('the cause %s is recognised in the answer %s', async (code, refusal) => {
  const { code: name, message } = await refusalOf(refusal);
  expect(causeOf(`${name} undefined ${message.replace(/^Cannot .*?: /, '')}`)).toBe(code);
});

test('each cause is provoked in a case', () => {
  const provoked = new Set([...CASES, ...PAGE_CASES].flatMap(({ finds, inPage = [] }) => [...finds, ...inPage]));
  expect([...provoked].sort()).toEqual((Object.keys(FINDINGS) as FindingCode[]).sort());
});

test('the rule is that of the README, for the origin of the page', () => {
  const { xml, console: fields } = bucketRule('https://www.example.com');
  const elements = (text: string) => [...text.matchAll(/<(\w+)>([^<]+)<\/\1>/g)].map(([all]) => all).sort();
  const [shown = ''] = /<CORSConfiguration>.*<\/CORSConfiguration>/s.exec(read('README.md')) ?? [];
  expect(elements(xml)).toEqual(elements(shown));
  expect(fields).toEqual({
    Source: 'https://www.example.com',
    'Allowed Methods': 'GET\nHEAD\nPOST',
    'Allowed Headers': '*',
    'Exposed Headers': EXPOSED_HEADERS.join('\n'),
    'Cache Timeout (Seconds)': '7200',
    'Vary: Origin': 'true',
  });
});
