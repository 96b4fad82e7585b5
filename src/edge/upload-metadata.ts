/**
 * The names and types that clients give to their uploads: `Upload-Metadata` of tus, and Content-Disposition. Both come
 * from outside, so this file refuses what it cannot read, and says why.
 */
import { badRequest } from './refusal.ts';

/** What a client says of the file that it uploads. */
export interface UploadDescription {
  /** The name of the file, if the client gave one. */
  readonly name?: string | undefined;
  /** The media type of the file, if the client gave one. */
  readonly contentType?: string | undefined;
  /** All values of `Upload-Metadata` that are text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The longest `Upload-Metadata`. It is a part of the upload's URL, and many servers refuse URLs of 8,000 characters. */
const MAX_METADATA = 2048;
/** The values that the edge itself uses. Clients write them in different ways. */
const NAMES = ['filename', 'name'];
const TYPES = ['filetype', 'type', 'contentType'];

/**
 * Reads `Upload-Metadata`. A value can be any bytes. The edge passes on those that are UTF-8, and needs UTF-8 for the
 * name and the type.
 *
 * @throws Refusal (400) for a header that tus does not allow, and for a name or a type that is not UTF-8.
 * @see https://tus.io/protocols/resumable-upload#upload-metadata
 */
export function readMetadata(header: string): UploadDescription {
  if (header.length > MAX_METADATA)
    throw badRequest(`Upload-Metadata has ${header.length} characters, and may have ${MAX_METADATA}`);
  const metadata = new Map<string, string>();
  const seen = new Set<string>();
  for (const pair of header === '' ? [] : header.split(',')) {
    const [key = '', value = '', ...more] = pair.trim().split(' ');
    if (!/^[\x21-\x7e]+$/.test(key)) throw badRequest('Each key of Upload-Metadata must be ASCII, and not empty');
    if (more.length > 0) throw badRequest('Upload-Metadata must be pairs of a key and a value, separated by commas');
    if (seen.has(key)) throw badRequest('Each key of Upload-Metadata must be there once');
    seen.add(key);
    const text = textOf(value);
    if (text !== undefined) metadata.set(key, text);
    else if (NAMES.includes(key) || TYPES.includes(key))
      throw badRequest(`The value of "${key}" in Upload-Metadata is not UTF-8`);
  }
  const first = (keys: readonly string[]) => keys.map((key) => metadata.get(key)).find((value) => value);
  return { name: first(NAMES), contentType: mediaType(first(TYPES)), metadata: Object.fromEntries(metadata) };
}

/**
 * Reads the name of a file from `Content-Disposition`, and the type from `Content-Type`.
 *
 * @throws Refusal (400) if the name is not UTF-8.
 * @see https://www.rfc-editor.org/rfc/rfc6266
 */
export function readDisposition({ headers }: Request): UploadDescription {
  const text = headers.get('content-disposition') ?? '';
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(text)?.[1];
  const [, quoted, token] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(text) ?? [];
  const name =
    extended === undefined ? inUtf8(quoted?.replace(/\\(.)/g, '$1') ?? token ?? '') : percentDecoded(extended);
  return { name: name || undefined, contentType: contentTypeOf({ headers }), metadata: {} };
}

/**
 * Decodes a name again as UTF-8, because many clients send UTF-8 there, and most platforms read a header as Latin-1. If
 * the bytes are not valid UTF-8, the name is really Latin-1, and stays as it is.
 */
function inUtf8(text: string): string {
  if (!/^[\0-\xff]+$/.test(text)) return text;
  return utf8Of(bytesOf(text)) ?? text;
}

/** Returns a byte for each character. */
function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('filename* in Content-Disposition is not UTF-8');
  }
}

/** Returns the text of a Base64 value, or undefined if its bytes are not UTF-8. */
function textOf(value: string): string | undefined {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value))
    throw badRequest('Each value of Upload-Metadata must be Base64');
  return utf8Of(bytesOf(atob(value)));
}

/** Returns the `Content-Type` of a request, or undefined if it is not valid, as for a type in `Upload-Metadata`. */
export function contentTypeOf({ headers }: Pick<Request, 'headers'>): string | undefined {
  return mediaType(headers.get('content-type') ?? undefined);
}

/** Some systems give an invalid type, which is left out. The text becomes a header, so it must be strict. */
function mediaType(text: string | undefined): string | undefined {
  return text !== undefined && /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\x20-\x7e]*)?$/.test(text) ? text : undefined;
}
