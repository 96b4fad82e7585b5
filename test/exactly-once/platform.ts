/**
 * Web Crypto answers from a thread pool, in any order. LocalOss checks signatures with it; for a run to be the same each
 * time its answers must come at once, so here the same algorithms run in place. Nothing of ours is replaced.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

interface HmacKey {
  readonly raw: Uint8Array;
}

const view = (data: BufferSource): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

const exact = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

const hmac = ({ raw }: HmacKey, data: BufferSource): Uint8Array =>
  createHmac('sha256', raw).update(view(data)).digest();

const subtle = {
  digest: async (_algorithm: string, data: BufferSource) => exact(createHash('sha256').update(view(data)).digest()),
  importKey: async (_format: 'raw', data: BufferSource): Promise<HmacKey> => ({ raw: view(data).slice() }),
  sign: async (_algorithm: string, key: HmacKey, data: BufferSource) => exact(hmac(key, data)),
  verify: async (_algorithm: string, key: HmacKey, signature: BufferSource, data: BufferSource) => {
    const [given, wanted] = [view(signature), hmac(key, data)];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  },
};

/** Makes SHA-256 and HMAC of Web Crypto answer at once, until the returned function is called. */
export function synchronousCrypto(): () => void {
  const { crypto } = globalThis;
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  Object.defineProperty(globalThis, 'crypto', { configurable: true, value: { subtle, getRandomValues } });
  return () => Object.defineProperty(globalThis, 'crypto', { configurable: true, value: crypto });
}
