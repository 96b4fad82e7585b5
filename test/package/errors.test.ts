/** Checks that docs/errors.md has every code of the library, and the hints that its messages really give. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { toServiceError } from '../../src/request/refusal.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const document = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const section = (title: string) => document.split(/^## /m).find((part) => part.startsWith(title)) ?? '';

/** Returns the codes that the sources of the append engine and of logs give to errors. */
function codes(): string[] {
  const rooms = ['append', 'log', 'request', 'source'];
  const files = rooms.flatMap((room) => readdirSync(join(root, 'src', room)).map((name) => join('src', room, name)));
  const found = [...files, 'src/errors.ts'].flatMap((file) => [
    ...readFileSync(join(root, file), 'utf8').matchAll(/\bcode: '(\w+)'/g),
  ]);
  return [...new Set(found.map(([, code = '']) => code))].sort();
}

test('every code of the library stands in a row of its own', () => {
  expect(codes().length).toBeGreaterThan(15);
  expect(codes().filter((code) => !document.includes(`\n| \`${code}\``))).toEqual([]);
});

describe('hints', () => {
  const rows = [...section('Refusals of OSS').matchAll(/^\| (`.*?) \| (.*) \|$/gm)];
  const messages: Readonly<Record<string, string>> = {
    'with an endpoint': 'The bucket must be addressed using the specified endpoint.',
    'about public access': 'Put public access is not allowed.',
    'about the referer': 'You are denied by bucket referer policy.',
  };

  test('the document has rows', () => expect(rows.length).toBeGreaterThan(8));

  test.each(rows.map(([, codes = '', hint = '']) => [codes, hint]))('%s', async (cell, hint) => {
    const message = Object.entries(messages).find(([words]) => cell.includes(words))?.[1] ?? 'Refused.';
    for (const [, code = ''] of cell.matchAll(/`(\w+)`/g)) {
      const body = `<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
      const error = await toServiceError(new Response(body, { status: 403 }), 'append to "a.log"', []);
      expect(error.message).toContain(`. Hint: ${hint}`);
    }
  });
});
