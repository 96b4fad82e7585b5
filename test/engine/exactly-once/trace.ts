/** Describes a run in words, for people who must find out what went wrong. */
import { OssError } from '../../../src/errors.ts';
import type { LogBook } from './log-book.ts';
import type { CallRecord } from './record.ts';
import type { Passage } from './wire.ts';
import type { Run } from './world.ts';

/** A number of bytes. */
const SHOWN = 300;

/** Describes what the writers did and saw, which requests LocalOss answered and how, and what is stored. */
export function trace(run: Run): string {
  const lines: string[] = [];
  for (const { index, objects, log } of run.writers) {
    if (log) lines.push(...logLines(log).map((line) => `log writer ${index}, ${line}`));
    for (const [made, { calls }] of objects.entries()) {
      lines.push(`writer ${index}, object ${made + 1}`);
      for (const call of calls) lines.push(...callLines(call, run));
    }
  }
  for (const { kind, at } of run.oss.deeds) lines.push(`at ${at}: ${kind} by another client`);
  for (const { from, to, bytes } of run.oss.look()) lines.push(`from ${from} to ${to}, the object held: ${hex(bytes)}`);
  return lines.join('\n');
}

function logLines({ records, lives, kept }: LogBook): string[] {
  const written = records.map((record, number) => `record ${number}: ${hex(record)}`);
  const pages = lives.map(
    ({ first, told, flushed }, index) =>
      `page ${index + 1} from record ${first} on: told ${JSON.stringify(told)}, flushed ${JSON.stringify(flushed)}`,
  );
  return [...written, ...pages, `the journal had the records ${[...kept]}`];
}

function callLines(call: CallRecord, run: Run): string[] {
  const { kind, source, start, end, tailAfter, pendingAfter } = call;
  return [
    `  ${kind} ${hex(source)} from ${start} to ${end}`,
    ...call.passages.map((passage) => `    ${passageLine(passage, run)}`),
    `    => ${outcomeOf(call)}; tail ${JSON.stringify(tailAfter)}, pending ${JSON.stringify(pendingAfter)}`,
  ];
}

/**
 * Describes a request. If an append carries the bytes of several calls, it shows these bytes and the range of the whole
 * request.
 */
function passageLine({ operation, position, bytes, start, entry, answer, request }: Passage, { oss }: Run): string {
  const logged = entry === undefined ? undefined : oss.requests[entry];
  const { length } = request.bytes;
  const shared = length > bytes.length ? ` of ${length} bytes at ${request.position}` : '';
  const what = operation === 'AppendObject' ? `${operation} at ${position}: ${hex(bytes)}${shared}` : operation;
  const done = logged ? `server ${logged.status}${logged.fault ? ` (${logged.fault})` : ''}` : 'never arrived';
  return `${start} ${what} -> ${done}, client ${answer}`;
}

function outcomeOf({ result, error, settled }: CallRecord): string {
  if (!settled) return 'never ended';
  if (result) return `stored up to ${result.position}`;
  if (!(error instanceof OssError)) return `rejects with ${error}`;
  return `${error.name}: ${error.message} [${error.outcome}, loaded ${error.loaded}]`;
}

function hex(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(nothing)';
  const shown = [...bytes.subarray(0, SHOWN)].map((value) => value.toString(16).padStart(2, '0')).join('');
  return bytes.length > SHOWN ? `${shown}... (${bytes.length} bytes)` : shown;
}
