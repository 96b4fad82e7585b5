// @vitest-environment happy-dom
/** How the page puts names into its sentences. */
import { expect, test } from 'vitest';
import { fill } from '../../demo/page/text/text.ts';

test('a plain name is put into a sentence as it is', () => {
  expect(fill('Stored as {key}.', { key: 'demo/a b.txt' })).toBe('Stored as demo/a b.txt.');
});

test.each([
  ['Hebrew', 'שלום.txt', 'שלום.txt'],
  ['a character that turns the direction', '\u202egpj.exe', 'gpj.exe'],
  ['a character that ends the isolation', '\u2069\u202egpj.exe', 'gpj.exe'],
])('a name cannot turn the words after it: %s', (_, name, shown) => {
  expect(fill('“{name}” is stored.', { name })).toBe(`“\u2068${shown}\u2069” is stored.`);
});
