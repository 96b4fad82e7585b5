// SHA-256 and HMAC-SHA256 with Web Crypto.

import { hex, utf8 } from './encoding.ts';

/** Returns the SHA-256 of bytes in lower-case hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

export function hmacKey(raw: BufferSource, usage: 'sign' | 'verify'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, [usage]);
}

/** Returns whether a signature in lower-case hexadecimal digits is the HMAC of a text. */
export async function isHmac(key: CryptoKey, signature: string, text: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number.parseInt(signature.slice(2 * i, 2 * i + 2), 16));
  return crypto.subtle.verify('HMAC', key, bytes, utf8(text));
}
