/** What a page asks for in the JSON of `POST /grant` and `POST /grants`: one reader for both, so that both refuse the same. */
import type { OpenRange } from '../../src/index.ts';
import { badRequest } from './refusal.ts';

/** Bounds of what may be granted. */
export interface GrantBounds {
  /** Bytes of one append, and of one range that has an end. */
  readonly maxSegment: number;
  /** Grants at once. */
  readonly maxBatch: number;
}

/** The headers of a first append, names in lower case. */
type FirstHeaders = Readonly<Record<string, string>>;

/** One append. */
export interface AskedAppend {
  readonly position: number;
  readonly size: number;
  readonly headers: FirstHeaders;
}

/** Appends of one size, one behind the other. */
export interface AskedBatch {
  readonly position: number;
  readonly segmentSize: number;
  readonly count: number;
  /** Where the last one must end, if that is known. */
  readonly end: number;
  /** They go with the first of these. */
  readonly headers: FirstHeaders;
}

type Asked = Readonly<Record<string, unknown>>;

/** OSS's limit for one object, bytes. */
export const MAX_OBJECT_SIZE: number = 5 * 1024 ** 3;

/** What a user may say of an object that is created. An ACL, a storage class or a redirect is the application's affair. */
const FIRST_HEADERS = /^(content-(type|disposition|encoding|language)|cache-control|expires|x-oss-meta-[a-z0-9-]+)$/;
const MAX_HEADERS = 20;

/** @throws Refusal for what is no append within the bounds. */
export function readAppend(asked: Asked, { maxSegment }: GrantBounds): AskedAppend {
  const size = whole(asked, 'size', { least: 0, most: maxSegment });
  const position = whole(asked, 'position', { least: 0, most: MAX_OBJECT_SIZE - size });
  return { position, size, headers: firstHeaders(asked, position) };
}

/** @throws Refusal for what is no batch within the bounds. */
export function readBatch(asked: Asked, { maxSegment, maxBatch }: GrantBounds): AskedBatch {
  const count = whole(asked, 'count', { least: 1, most: maxBatch });
  const segmentSize = whole(asked, 'segmentSize', { least: 1, most: maxSegment });
  const position = whole(asked, 'position', { least: 0, most: MAX_OBJECT_SIZE });
  const end =
    asked['end'] === undefined ? MAX_OBJECT_SIZE : whole(asked, 'end', { least: position, most: MAX_OBJECT_SIZE });
  return { position, segmentSize, count, end, headers: firstHeaders(asked, position) };
}

/**
 * A range without an end tells the length of one of the user's objects, where HEAD does not tell it.
 *
 * @throws Refusal for what is no range within the bounds.
 */
export function readRange(asked: Asked, { maxSegment }: GrantBounds): OpenRange {
  const range = record(asked['range'], 'range must have a start, and may have an end');
  const start = whole(range, 'start', { least: 0, most: MAX_OBJECT_SIZE });
  if (range['end'] === undefined) return { start };
  return { start, end: whole(range, 'end', { least: start, most: start + maxSegment - 1 }) };
}

/** @throws Refusal where a read is asked for with headers: it has none but its range. */
export function refuseHeaders(asked: Asked): void {
  if (Object.keys(readHeaders(asked)).some((name) => name !== 'range'))
    throw badRequest('headers are for the first append');
}

/** Headers describe an object, so they count when it is created. OSS ignores later ones. */
function firstHeaders(asked: Asked, position: number): FirstHeaders {
  const headers = readHeaders(asked);
  const names = Object.keys(headers);
  if (position > 0 && names.length > 0) throw badRequest('headers are for the first append');
  if (names.every((name) => FIRST_HEADERS.test(name))) return headers;
  throw badRequest('headers may be those that describe an object: its media type, cache rules and metadata');
}

function readHeaders({ headers = {} }: Asked): FirstHeaders {
  const entries = Object.entries(record(headers, 'headers must be an object'));
  if (entries.length > MAX_HEADERS) throw badRequest(`headers may be ${MAX_HEADERS} at most`);
  const good = entries.every(([name, value]) => /^[a-z0-9-]+$/.test(name) && isHeaderValue(value));
  if (!good) throw badRequest('headers must have lower-case names, and short values of visible ASCII');
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value).trim()]));
}

function isHeaderValue(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]{1,1000}$/.test(value) && value.trim() !== '';
}

/** A number, and nothing that JavaScript would take for one: no text, no list, no `null`. */
function whole(asked: Asked, name: string, { least, most }: { readonly least: number; readonly most: number }): number {
  const value = asked[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value + 0;
  throw badRequest(`${name} must be a whole number from ${least} to ${most}`);
}

function record(value: unknown, problem: string): Asked {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Asked;
  throw badRequest(problem);
}
