// Checks that the oracle of the logs finds a wrong order, and demands only the order that the library promises.
import { expect, test } from 'vitest';
import { LogBook } from './log-book.ts';
import { logProblems } from './log-oracle.ts';

const NOTHING = new Uint8Array(0);

/** Judges two pages of one writer. Each page wrote two records, and the object holds the records with these numbers. */
function judged(numbers: readonly number[], isAlone: boolean): string[] {
  const book = new LogBook(0, 1);
  for (const first of [0, 2]) {
    book.lives.push({ told: [], flushed: [], first });
    for (let count = 0; count < 2; count++) book.records.push(book.next(4));
  }
  for (const number of book.records.keys()) book.kept.add(number);
  const bytes = Uint8Array.from(numbers.flatMap((number) => [...book.records[number]!]));
  const plan = { shared: true, segmentSize: 8, flushAfter: null, steps: [] };
  const writer = { plan, index: 0, file: NOTHING.slice(), atOnce: false, log: book, objects: [] };
  const epochs = [{ bytes, from: 0, to: Number.POSITIVE_INFINITY, open: new Set<number>() }];
  return [...logProblems({ writer, books: [book], isAlone, epochs, flipped: false, misled: false, isNormal: false })];
}

test('pages that follow each other must be stored in their order, even if nothing is lost or doubled', () => {
  expect(judged([0, 1, 2, 3], true)).toEqual([]);
  expect(judged([2, 3, 0, 1], true)).toEqual(['the records are not in order: 2,3,0,1']);
});

test('pages that overlap may be stored in any order, but the records of one page must be in order', () => {
  expect(judged([2, 3, 0, 1], false)).toEqual([]);
  expect(judged([2, 0, 3, 1], false)).toEqual([]);
  expect(judged([3, 2, 0, 1], false)).toEqual(['the records are not in order: 3,2,0,1']);
});

test('a record that is lost or doubled has a problem of its own', () => {
  expect(judged([0, 2, 3], true)).toEqual(['the records 1 were in the journal, but they are lost']);
  expect(judged([0, 1, 1, 2, 3], true)).toEqual(['a record is stored twice: 0,1,1,2,3']);
});
