/** Records as text and bytes. */

import { bytesOf } from '../bytes.ts';
import { checkType } from '../check.ts';

/**
 * One record of a log. Text becomes a line: it gets a line end if it has none. Bytes stay as they are. An object
 * becomes one line of JSON (NDJSON). In it, an `Error` becomes its name, message, stack, cause and own properties.
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
  // Each error has one copy, so that JSON finds an error that contains itself.
  const copies = new Map<Error, object>();
  const copyOf = (error: Error): object => {
    const copy = copies.get(error) ?? factsOf(error);
    copies.set(error, copy);
    return copy;
  };
  const json = JSON.stringify(record, (_, value: unknown) => (value instanceof Error ? copyOf(value) : value));
  checkType(json !== undefined, 'a log record must be text, bytes, or what JSON can write');
  return json;
}

/** The properties of an error are not enumerable, so JSON alone would write `{}`. */
function factsOf(error: Error & { readonly errors?: unknown }): object {
  const { name, message, stack, cause, errors } = error;
  return { ...error, name, message, stack, cause, errors };
}
