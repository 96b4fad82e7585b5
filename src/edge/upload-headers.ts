/** The headers of both standards for resumable uploads: how they are read, and which values are not valid. */
import { badRequest, Refusal } from './refusal.ts';

/** The version of tus that the edge speaks. */
export const TUS_VERSION = '1.0.0';
/** The media type of a piece of an upload, in each of the two standards. */
export const PIECE: { readonly tus: string; readonly ietf: string } = {
  tus: 'application/offset+octet-stream',
  ietf: 'application/partial-upload',
};

/** Returns whether a request speaks tus. */
export function isTus({ headers }: Request): boolean {
  return headers.has('tus-resumable');
}

/** Returns the media type of a request without its parameters, in lower case. */
export function mediaTypeOf({ headers }: Request): string {
  return (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Refuses a body that is not a piece of an upload. `type` is the media type of a piece. */
export function wrongType(type: string): Refusal {
  return new Refusal(415, 'WrongContentType', `The Content-Type must be ${type}`, {}, { 'accept-patch': type });
}

/** Refuses a method that a standard does not have. `allow` lists the methods that it has. */
export function noSuchMethod(allow: string): Refusal {
  return new Refusal(405, 'NoSuchMethod', 'An upload has no such method', {}, { allow });
}

/** Matches the parameters behind an Item of Structured Fields. The edge ignores their values. */
const PARAMETERS = /(?:; *[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[^"\\]|\\.)*"|[^\s;"]+))?)*$/.source;
const BOOLEAN: RegExp = /* @__PURE__ */ new RegExp(`^\\?([01])${PARAMETERS}`);
const INTEGER: RegExp = /* @__PURE__ */ new RegExp(`^(\\d{1,15})${PARAMETERS}`);

/**
 * Reads `Upload-Complete`, which is a Boolean of Structured Fields. Other values count as if the header were absent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9651#name-booleans
 */
export function readComplete({ headers }: Request): boolean | undefined {
  const value = BOOLEAN.exec(headers.get('upload-complete')?.trim() ?? '')?.[1];
  return value === undefined ? undefined : value === '1';
}

/** Reads a header that is a number from 0. Other values count as if the header were absent. */
export function readInteger({ headers }: Request, name: string): number | undefined {
  const value = INTEGER.exec(headers.get(name)?.trim() ?? '')?.[1];
  return value === undefined ? undefined : Number(value);
}

/** Reads a number as tus wants it. @throws Refusal (400) if the header is absent or not a number from 0. */
export function requireNumber({ headers }: Request, name: string): number {
  // A Worker does not remove the white space at the end of a header, although other platforms do.
  const text = headers.get(name)?.trim() ?? '';
  // A number above 2^53 loses its last digits, but is still greater than every length and every offset.
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(`${name} must be a whole number from 0`);
}
