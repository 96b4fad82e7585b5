/**
 * Checksums of bodies: `Upload-Checksum` of tus, and `Content-Digest`. Both standards demand that nothing of a damaged
 * body is stored. So such a body is read completely before its first byte is stored.
 */
import { freeBuffer } from './free-buffer.ts';
import { badRequest, Refusal } from './refusal.ts';

/** The checksum that a client sent for a body. */
export interface Digest {
  /** The name of the algorithm in Web Crypto. */
  readonly algorithm: string;
  readonly bytes: Uint8Array;
  /** The status of the refusal if the body has another checksum. */
  readonly mismatch: number;
}

/** The algorithms by their names in tus. */
const TUS: Readonly<Record<string, string>> = { sha1: 'SHA-1', sha256: 'SHA-256' };
/** The algorithms by their names in `Content-Digest`. By RFC 9530, others are ignored. */
const FIELDS: Readonly<Record<string, string>> = { 'sha-256': 'SHA-256', 'sha-512': 'SHA-512' };

/** The first size of the buffer for a body, in bytes. */
const FIRST = 64 * 1024;

/** The value of `Tus-Checksum-Algorithm`. */
export const CHECKSUMS = 'sha1,sha256';

/**
 * Reads `Upload-Checksum`.
 *
 * @throws Refusal (400) for an unknown algorithm, and for a checksum that is not Base64.
 * @see https://tus.io/protocols/resumable-upload#checksum
 */
export function readUploadChecksum({ headers }: Request): Digest | undefined {
  const text = headers.get('upload-checksum');
  if (text === null) return undefined;
  const [name = '', value = ''] = text.split(' ');
  const algorithm = Object.hasOwn(TUS, name) ? TUS[name] : undefined;
  if (!algorithm) throw badRequest(`Upload-Checksum must have one of these algorithms: ${CHECKSUMS}`);
  return { algorithm, bytes: fromBase64(value, 'Upload-Checksum'), mismatch: 460 };
}

/**
 * Reads `Content-Digest`.
 *
 * @throws Refusal (400) for a digest that is not Base64.
 * @see https://www.rfc-editor.org/rfc/rfc9530
 */
export function readContentDigest({ headers }: Request): Digest | undefined {
  for (const member of (headers.get('content-digest') ?? '').split(',')) {
    const [, name = '', value = ''] = /^\s*([a-z0-9-]+)=:([^:]*):/.exec(member) ?? [];
    const algorithm = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (algorithm) return { algorithm, bytes: fromBase64(value, 'Content-Digest'), mismatch: 400 };
  }
  return undefined;
}

/**
 * Reads a body completely, and yields it if it has the checksum.
 *
 * @throws Refusal: 413 if the body has more than `most` bytes, and 460 or 400 if it has another checksum.
 */
export async function* verified(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { algorithm, bytes, mismatch }: Digest,
  most: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  // A list of chunks could be much larger than the body, because a chunk can have one byte.
  let buffer = new Uint8Array(FIRST);
  let size = 0;
  for await (const chunk of chunks) {
    const end = size + chunk.byteLength;
    if (end > most) throw new Refusal(413, 'TooLarge', `A body with a checksum may have at most ${most} bytes`);
    if (end > buffer.length) buffer = enlarged(buffer, Math.max(end, Math.min(2 * buffer.length, most)));
    buffer.set(chunk, size);
    size = end;
  }
  const body = buffer.subarray(0, size);
  const actual = new Uint8Array(await crypto.subtle.digest(algorithm, body));
  if (actual.length !== bytes.length || actual.some((byte, i) => byte !== bytes[i]))
    throw new Refusal(
      mismatch,
      'ChecksumMismatch',
      'The body does not have the checksum that was sent: nothing is stored',
    );
  if (size > 0) yield body;
}

function enlarged(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  freeBuffer(bytes.buffer);
  return larger;
}

function fromBase64(text: string, header: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) throw badRequest(`${header} must be Base64`);
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
