/** The document has the same table as the code, and every cause is provoked in a case. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FINDINGS } from '../../src/doctor/findings.ts';

const document = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8');

test('docs/doctor.md lists each code with its cause and its cure, in the words of the code', () => {
  const rows = Object.entries(FINDINGS).map(([code, [says, mend]]) => `| \`${code}\` | ${says} | ${mend} |`);
  const shown = document.split('\n').filter((line) => /^\| `/.test(line));
  expect(shown).toEqual(rows);
});
