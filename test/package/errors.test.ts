/** Checks that docs/errors.md has every code of the library, with the advice that the messages really give. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ADVICE } from '../../src/request/advice.ts';
import { toServiceError } from '../../src/request/refusal.ts';
import { type Language, PAGES, refusalOf, withTables } from './errors-page.ts';
import { ADVICE_ZH, LIBRARY, LOG, UPPY } from './errors-table.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const ROWS = { ...LIBRARY, ...LOG, ...UPPY };

test.each(Object.entries(PAGES))(
  'the document in %s has the tables of the code (npm run docs:errors)',
  (name, file) => {
    expect(read(file)).toBe(withTables(read(file), name as Language));
  },
);

test('a table without a place in its document is an error', () => {
  expect(() => withTables('# Errors\n', 'en')).toThrow('no place for the table "library"');
});

/** Returns the text of the files that may give codes to errors. */
function sources(): string[] {
  const rooms = ['append', 'log', 'request', 'source', 'uppy'];
  const files = rooms.flatMap((room) => readdirSync(join(root, 'src', room)).map((name) => join('src', room, name)));
  return [...files, 'src/errors.ts'].map(read);
}

/** Returns the codes that the sources give to errors. */
function codes(): string[] {
  const found = sources().flatMap((text) => [...text.matchAll(/\bcode: '(\w+)'/g)]);
  return [...new Set(found.map(([, code = '']) => code))].sort();
}

test('every code of the library has a row', () => {
  expect(codes().length).toBeGreaterThan(20);
  expect(codes().filter((code) => !Object.hasOwn(ROWS, code))).toEqual([]);
});

const withAdvice = Object.entries(ROWS).flatMap(([code, { says, cure }]) =>
  says ? [[code, says, cure.en] as const] : [],
);

test('every row is about a code of the sources', () => {
  const text = sources().join('\n').toLowerCase();
  // The code of an answer without the XML of OSS is made from its status.
  const others = Object.keys(ROWS).filter((code) => !text.includes(code.toLowerCase()) && !/^Http\d+$/.test(code));
  expect(others).toEqual([]);
});

test.each(withAdvice)('the cure of %s repeats the advice of its message: %s', (code, says, cure) => {
  const about = sources().filter((text) => text.toLowerCase().includes(code.toLowerCase()));
  expect(about.some((text) => text.includes(says))).toBe(true);
  expect(cure.replaceAll('`', '').toLowerCase()).toContain(says.toLowerCase());
});

describe('refusals', () => {
  test('each advice is translated', () => expect(Object.keys(ADVICE_ZH)).toEqual(Object.keys(ADVICE)));

  const refusals = Object.entries(ADVICE).flatMap(([key, advice]) => {
    const { codes, word = '' } = refusalOf(key);
    return codes.map((code) => [code, word, advice] as const);
  });
  test.each(refusals)('%s %s: the message ends with the advice: %s', async (code, word, advice) => {
    const body = `<Error><Code>${code}</Code><Message>About ${word}.</Message></Error>`;
    const error = await toServiceError(new Response(body, { status: 403 }), 'append to "a.log"', []);
    expect(error.message.endsWith(`. Hint: ${advice}`)).toBe(true);
  });
});
