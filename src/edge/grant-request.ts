/**
 * Reads the JSON of `POST /grant` and `POST /grants`. Both routes use these readers, so both refuse the same mistakes.
 */
import type { OpenRange } from '../request/request.ts';
import { MAX_OBJECT_SIZE } from '../tail.ts';
import { badRequest } from './refusal.ts';

/** The limits of a grant. */
export interface GrantLimits {
  /** The most bytes of one append, and of one read whose range has an end. */
  readonly maxSegment: number;
  /** The most grants in one answer. */
  readonly maxBatch: number;
}

/** The headers of a first append, with names in lower case. */
type FirstHeaders = Readonly<Record<string, string>>;

/** A request for one append. */
export interface AppendRequest {
  readonly position: number;
  readonly size: number;
  readonly headers: FirstHeaders;
}

/** A request for several appends of one size, one after the other. */
export interface BatchRequest {
  readonly position: number;
  readonly segmentSize: number;
  readonly count: number;
  /** The position in bytes where the last append must end. It is OSS's limit if the client did not say it. */
  readonly end: number;
  /** The headers of the first append. */
  readonly headers: FirstHeaders;
}

/** The JSON object of a request. */
export type RequestFields = Readonly<Record<string, unknown>>;

/** The headers that describe an object. An ACL, a storage class or a redirect is a decision of the application. */
const FIRST_HEADERS = /^(content-(type|disposition|encoding|language)|cache-control|expires|x-oss-meta-[a-z0-9-]+)$/;
const MAX_HEADERS = 20;

/** @throws Refusal if the fields do not describe an append within the limits. */
export function readAppend(fields: RequestFields, { maxSegment }: GrantLimits): AppendRequest {
  const size = wholeNumber(fields, 'size', { least: 0, most: maxSegment });
  const position = wholeNumber(fields, 'position', { least: 0, most: MAX_OBJECT_SIZE - size });
  return { position, size, headers: firstHeaders(fields, position) };
}

/** @throws Refusal if the fields do not describe a batch within the limits. */
export function readBatch(fields: RequestFields, { maxSegment, maxBatch }: GrantLimits): BatchRequest {
  const count = wholeNumber(fields, 'count', { least: 1, most: maxBatch });
  const segmentSize = wholeNumber(fields, 'segmentSize', { least: 1, most: maxSegment });
  const position = wholeNumber(fields, 'position', { least: 0, most: MAX_OBJECT_SIZE });
  const isOpen = fields['end'] === undefined;
  const end = isOpen ? MAX_OBJECT_SIZE : wholeNumber(fields, 'end', { least: position, most: MAX_OBJECT_SIZE });
  return { position, segmentSize, count, end, headers: firstHeaders(fields, position) };
}

/**
 * A range may have no end. Such a read shows the length of one of the user's own objects if a HEAD does not show it.
 *
 * @throws Refusal if the fields do not have a range within the limits.
 */
export function readRange(fields: RequestFields, { maxSegment }: GrantLimits): OpenRange {
  const range = record(fields['range'], 'range must be an object with a start, and may have an end');
  const start = wholeNumber(range, 'start', { least: 0, most: MAX_OBJECT_SIZE });
  if (range['end'] === undefined) return { start };
  return { start, end: wholeNumber(range, 'end', { least: start, most: start + maxSegment - 1 }) };
}

/** @throws Refusal if the request names headers other than `range`. A read has no others. */
export function refuseHeaders(fields: RequestFields): void {
  if (Object.keys(readHeaders(fields)).some((name) => name !== 'range'))
    throw badRequest('headers are only for the first append');
}

/** The headers describe the object, so they count when the object is created. OSS ignores headers of later appends. */
function firstHeaders(fields: RequestFields, position: number): FirstHeaders {
  const headers = readHeaders(fields);
  const names = Object.keys(headers);
  if (position > 0 && names.length > 0) throw badRequest('headers are only for the first append');
  if (names.every((name) => FIRST_HEADERS.test(name))) return headers;
  throw badRequest('headers may only describe the object: its media type, its cache rules and its metadata');
}

function readHeaders({ headers = {} }: RequestFields): FirstHeaders {
  const entries = Object.entries(record(headers, 'headers must be an object'));
  if (entries.length > MAX_HEADERS) throw badRequest(`headers may have ${MAX_HEADERS} entries at most`);
  const good = entries.every(([name, value]) => /^[a-z0-9-]+$/.test(name) && isHeaderValue(value));
  if (!good) throw badRequest('headers must have lower-case names, and short values of visible ASCII');
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value).trim()]));
}

function isHeaderValue(value: unknown): boolean {
  return typeof value === 'string' && /^[\x20-\x7e]{1,1000}$/.test(value) && value.trim() !== '';
}

/** Reads a number. It refuses a string, a list or `null`, which JavaScript would convert to a number. */
function wholeNumber(
  fields: RequestFields,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = fields[name];
  // The addition turns -0 into 0.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value + 0;
  throw badRequest(`${name} must be a whole number from ${least} to ${most}`);
}

function record(value: unknown, problem: string): RequestFields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as RequestFields;
  throw badRequest(problem);
}
