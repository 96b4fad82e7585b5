/**
 * Compares the table of verdicts in README.md with the function that the engine uses, case by case. If a row changes in
 * only one of the two places, a test fails here.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../src/append/flight.ts';
import { type Found, type JudgeOptions, judge } from '../../src/append/verdict.ts';
import { crc64, crc64Combine } from '../../src/crc64.ts';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));

const P = 10;
const N = 4;
/** The CRCs of the object before the segment, of the segment, and of the object with the segment. */
const C = crc64(new Uint8Array(P).fill(1));
const OURS = crc64(new Uint8Array(N).fill(2));
const WANTED = crc64Combine(C, OURS, N);
/** A CRC that differs from the three CRCs above. */
const OTHER = 7n;

interface Case extends JudgeOptions {
  /** True if at least one request was not refused. */
  readonly mayBeStored?: boolean;
  readonly p?: number;
  readonly n?: number;
  /** The CRC of the object before the segment. It is null if it is unknown. */
  readonly c?: bigint | null;
  /** The length of the object. It is null if there is no object. */
  readonly l: number | null;
  /** The CRC of the object. It is null if it is hidden. */
  readonly h?: bigint | null;
  readonly appendable?: boolean;
}

/** For each row of the README's table: the verdict, and objects to which the row applies. */
const ROWS: Readonly<Record<string, { readonly says: string; readonly cases: readonly Case[] }>> = {
  'The object is not appendable': {
    says: 'diverged',
    cases: [
      { l: P, appendable: false },
      { l: P + N, h: WANTED, appendable: false },
      { l: 0, n: 0, p: 0, appendable: false },
    ],
  },
  'There is no object, P = 0': {
    says: 'missing',
    cases: [
      { l: null, p: 0 },
      { l: null, p: 0, n: 0 },
    ],
  },
  'There is no object, P > 0': { says: 'diverged', cases: [{ l: null }, { l: null, n: 0 }] },
  'n = 0, L = P, and H = C or either is unknown': {
    says: 'committed',
    cases: [
      { n: 0, l: P, h: C },
      { n: 0, l: P, h: null },
      { n: 0, l: P, c: null, h: OTHER },
    ],
  },
  'n = 0, L > P, with `shared`': { says: 'committed', cases: [{ n: 0, l: P + 1, shared: true }] },
  'n = 0, otherwise': {
    says: 'diverged',
    cases: [
      { n: 0, l: P + 1 },
      { n: 0, l: P, h: OTHER },
      { n: 0, l: P - 1 },
      { n: 0, l: P - 1, shared: true },
    ],
  },
  'L = P, and H = C or either is unknown': {
    says: 'missing',
    cases: [
      { l: P, h: C },
      { l: P, h: null },
      { l: P, c: null, h: OTHER },
      { l: 0, p: 0, h: null },
    ],
  },
  'L = P, but H and C are known and differ': {
    says: 'diverged',
    cases: [
      { l: P, h: OTHER },
      { l: P, h: OTHER, shared: true },
    ],
  },
  'L < P': { says: 'diverged', cases: [{ l: P - 1 }, { l: 0 }, { l: P - 1, shared: true }] },
  'P < L < P + n': {
    says: 'diverged, `absent`',
    cases: [{ l: P + 1 }, { l: P + N - 1, h: WANTED }, { l: P + 1, shared: true }],
  },
  'L = P + n, C and H are known, and H is the computed CRC': { says: 'committed', cases: [{ l: P + N, h: WANTED }] },
  'L ≥ P + n, otherwise': {
    says: 'read and compare',
    cases: [
      { l: P + N, h: OTHER },
      { l: P + N, h: null },
      { l: P + N, c: null, h: WANTED },
      { l: P + N + 1 },
      { l: P + N + 1, h: WANTED, shared: true },
    ],
  },
  '… the bytes at P are other bytes': {
    says: 'diverged, `absent`',
    cases: [
      { l: P + N, h: OTHER, bytes: 'other' },
      { l: P + N + 1, bytes: 'other' },
      { l: P + N + 1, bytes: 'other', shared: true },
    ],
  },
  '… equal bytes, L = P + n, and H is unknown or as computed': {
    says: 'committed',
    cases: [
      { l: P + N, h: null, bytes: 'equal' },
      { l: P + N, c: null, h: OTHER, bytes: 'equal' },
      { l: P + N, h: WANTED, bytes: 'equal' },
    ],
  },
  '… equal bytes, L > P + n, with `shared`': {
    says: 'committed',
    cases: [{ l: P + N + 3, bytes: 'equal', shared: true }],
  },
  '… equal bytes, otherwise, after a request without an answer': {
    says: 'diverged, `stored`',
    cases: [
      { l: P + N + 3, bytes: 'equal', mayBeStored: true },
      { l: P + N, h: OTHER, bytes: 'equal', mayBeStored: true },
    ],
  },
  '… equal bytes, otherwise': {
    says: 'diverged, `unknown`',
    cases: [
      { l: P + N + 3, bytes: 'equal' },
      { l: P + N, h: OTHER, bytes: 'equal' },
    ],
  },
};

function planOf({ p = P, n = N, c = p === 0 ? 0n : C, mayBeStored = false }: Case): Plan {
  const crc = n === 0 ? 0n : OURS;
  const from = { position: p, crc: c ?? undefined };
  const want = { position: p + n, crc: from.crc === undefined ? undefined : crc64Combine(from.crc, crc, n) };
  const flight = { plan: undefined, loaded: 0, segment: undefined, type: '' };
  return { position: p, size: n, crc, from, want, outcome: 'unknown', mayBeStored, flight, loaded: 0 };
}

function foundOf({ l, h = null, appendable = true }: Case): Found {
  return { length: l ?? undefined, crc: h ?? undefined, appendable };
}

/** Returns the verdict in the words of the table. */
function wordsOf(one: Case): string {
  const verdict = judge(planOf(one), foundOf(one), one);
  if (!verdict) return 'read and compare';
  if (verdict.kind !== 'diverged') return verdict.kind;
  return verdict.outcome === 'unknown' && !one.bytes ? 'diverged' : `diverged, \`${verdict.outcome}\``;
}

/** Returns the rows of the README: the first two cells of each line in the table that begins with "The object". */
function readRows(): [string, string][] {
  const table = /\| The object \|.*\n\|[- |]*\n((?:\|.*\n)+)/.exec(readFileSync(README, 'utf8'))?.[1] ?? '';
  return table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, row = '', says = '']) => [row, says]);
}

test('the README has the same rows as this test, in the same order, with the same verdicts', () => {
  const rows = readRows();
  expect(rows.length).toBeGreaterThan(10);
  expect(rows).toEqual(Object.entries(ROWS).map(([row, { says }]) => [row, says]));
});

describe.each(Object.entries(ROWS))('%s', (_row, { says, cases }) => {
  test.each(
    cases.map(
      (one) => [JSON.stringify(one, (_, value) => (typeof value === 'bigint' ? String(value) : value)), one] as const,
    ),
  )('%s', (_name, one) => {
    expect(wordsOf(one)).toBe(says);
  });
});

test('the verdict committed contains the end of the object: as computed, or as found after other writers', () => {
  expect(judge(planOf({ l: P }), foundOf({ l: P + N, h: WANTED }))).toEqual({
    kind: 'committed',
    tail: { position: P + N, crc: WANTED },
  });
  expect(judge(planOf({ l: P }), foundOf({ l: P + N + 3, h: OTHER }), { shared: true, bytes: 'equal' })).toEqual({
    kind: 'committed',
    tail: { position: P + N + 3, crc: OTHER },
  });
});
