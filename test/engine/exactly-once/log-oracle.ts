/**
 * Judges the records of a log writer: each one is whole, none is stored twice, they are in order, and none is lost that `onstored`, a
 * flush or the journal had.
 */
import type { LogBook } from './log-book.ts';
import type { Epoch } from './observed-oss.ts';
import type { WriterRecord } from './record.ts';

/** What the oracle of the run knows. */
export interface LogEvidence {
  readonly writer: WriterRecord & { readonly log: LogBook };
  /** The books of all log writers of the run. They have one journal, so each may send the records of another one. */
  readonly books: readonly LogBook[];
  /**
   * True if no page of another writer used the journal of this writer. The pages of one writer never overlap, so all records of the
   * writer must be in order. If pages overlap, one of them may send the records that another page has left, while the
   * page after that one already writes. Then only the records of each page must be in order.
   */
  readonly isAlone: boolean;
  readonly epochs: readonly Epoch[];
  /** True if OSS stored damaged bytes. Then a record may be torn, and it counts as dropped. */
  readonly flipped: boolean;
  /**
   * True if a HEAD of a log was answered with a state that OSS does not hold. If such an answer says that the object is gone, the log
   * believes it, begins again at the end of the object, and may store its segment twice.
   */
  readonly misled: boolean;
  /** True if the object cannot be appended to any more. */
  readonly isNormal: boolean;
}

/** Returns the problems of a log writer. */
export function* logProblems(evidence: LogEvidence): Generator<string> {
  const { writer, epochs, flipped, isNormal } = evidence;
  const { log: book } = writer;
  for (const call of writer.objects.flatMap(({ calls }) => calls)) yield* call.problems;
  yield* book.problems;
  if (flipped) return;
  const last = book.read(epochs.at(-1)!.bytes).numbers;
  if (!isNormal && !last.includes(book.records.length - 1)) yield 'the last record is not stored';
  if (epochs.some(({ bytes }) => book.read(bytes).torn)) yield 'a record is torn';
  // A deletion removes the stored records, and a late request may then be carried out in the new object.
  if (epochs.length > 1) return;
  if (!evidence.misled) yield* inOrder(evidence, last);
  yield* isNothingLost(evidence, new Set(last));
}

function* inOrder({ writer, isAlone }: LogEvidence, numbers: readonly number[]): Generator<string> {
  const { log: book } = writer;
  if (new Set(numbers).size < numbers.length) yield `a record is stored twice: ${numbers}`;
  const isWrong = (number: number, before: number) =>
    number < before && (isAlone || book.lifeOf(number) === book.lifeOf(before));
  if (numbers.some((number, index) => numbers.slice(0, index).some((before) => isWrong(number, before))))
    yield `the records are not in order: ${numbers}`;
}

function* isNothingLost({ writer, books, epochs }: LogEvidence, stored: ReadonlySet<number>): Generator<string> {
  const { log: book } = writer;
  const kept = [...book.kept].filter((number) => !stored.has(number));
  if (kept.length > 0) yield `the records ${kept} were in the journal, but they are lost`;
  for (const [index, { told, flushed, first }] of book.lives.entries()) {
    let sum = 0;
    for (const { count, position } of told) {
      sum += count;
      const before = epochs[0]!.bytes.subarray(0, position);
      const held = books.reduce((all, one) => all + one.read(before).numbers.length, 0);
      if (held < sum)
        yield `page ${index + 1} got the report that ${sum} records are stored up to ${position}, but ${held} are stored`;
    }
    for (const { until, dropped } of flushed) {
      const missing = Array.from({ length: until - first }, (_, at) => first + at).filter((one) => !stored.has(one));
      if (missing.length > dropped) yield `page ${index + 1} flushed, but the records ${missing} are not stored`;
    }
  }
}
