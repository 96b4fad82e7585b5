/** docs/local.md says what the code does: its tables are compared with the options, the faults and the exit codes. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { HELP } from '../../../src/testing/node/arguments.ts';
import { EXIT } from '../../../src/testing/node/failure.ts';
import { FAULT_SETTINGS, SCHEDULE_SETTINGS } from '../../../src/testing/node/fault-rule.ts';

const text = readFileSync(new URL('../../../docs/local.md', import.meta.url), 'utf8');

/** Returns the cells of the table whose first column has this name. */
function table(first: string): string[][] {
  const [, rows = ''] = new RegExp(`^\\| ${first} \\|.*\\n\\|[-|]+\\|\\n((?:\\|.*\\n)+)`, 'm').exec(text) ?? [];
  return rows
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** Returns the texts that are marked as code. */
function codes(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

describe('docs/local.md', () => {
  test('has a row for every option, in the order of --help and with the same values', () => {
    const helped = [...HELP.matchAll(/^ {2}(--\S+(?: [A-Z]\S*)?)/gm)].map(([, option = '']) =>
      option.replace(/,$/, ''),
    );
    expect(helped).toHaveLength(13);
    expect(table('Option').map(([option]) => codes(option)[0])).toEqual(helped);
  });

  test('has a row for every fault, with its settings, and marks those that are needed', () => {
    const rows = table('Kind').map(([kind, , settings = '']) => {
      const outside = settings.replace(/\([^)]*\)/g, '');
      const needed = [...outside.matchAll(/\*\*`(\w+)`\*\*/g)].map(([, name]) => name);
      return [codes(kind)[0], codes(outside).map((name) => (needed.includes(name) ? `${name}!` : name))];
    });
    expect(rows).toEqual(Object.entries(FAULT_SETTINGS).map(([kind, settings]) => [kind, Object.keys(settings)]));
  });

  test('lists the words that a setting can have', () => {
    for (const [kind = '', , settings = ''] of table('Kind')) {
      const own = FAULT_SETTINGS[codes(kind)[0] as keyof typeof FAULT_SETTINGS];
      for (const [name, form] of Object.entries(own)) {
        if (typeof form === 'string') continue;
        const [, words] = new RegExp(`\`${name}\`(?:\\*\\*)? \\(([^)]*)\\)`).exec(settings) ?? [];
        expect(codes(words), `${kind} ${name}`).toEqual(form);
      }
    }
  });

  test('has a row for every setting of the schedule', () => {
    expect(table('Setting').map(([setting]) => codes(setting)[0]?.split('=')[0])).toEqual(
      Object.keys(SCHEDULE_SETTINGS),
    );
  });

  test('has a row for every exit code', () => {
    expect(table('Code').map(([code]) => Number(code))).toEqual(Object.values(EXIT));
  });
});
