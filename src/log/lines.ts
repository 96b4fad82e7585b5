/** Records as text and bytes. */

import { bytesOf } from '../bytes.ts';
import { checkType } from '../check.ts';

/**
 * One record of a log. Text becomes a line: it gets a line end if it has none. Bytes stay as they are. An object
 * becomes one line of JSON (NDJSON), and an `Error` becomes its name, message and stack.
 */
export type LogRecord = string | object;

export function lineOf(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** @throws TypeError for a value that JSON cannot write: a function, a circular object, a BigInt. */
export function encodeRecord(record: LogRecord): Uint8Array<ArrayBuffer> {
  const bytes = typeof record === 'string' ? bytesOf(lineOf(record)) : bytesOf(record);
  return bytes ?? (bytesOf(lineOf(toJson(record))) as Uint8Array<ArrayBuffer>);
}

function toJson(record: unknown): string {
  // The properties of an error are not enumerable, so JSON would write `{}`.
  const json = JSON.stringify(record instanceof Error ? { ...record, ...factsOf(record) } : record);
  checkType(json !== undefined, 'a log record must be text, bytes, or what JSON can write');
  return json;
}

function factsOf({ name, message, stack }: Error): object {
  return { name, message, stack };
}
