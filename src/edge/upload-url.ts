/**
 * The URLs of resumable uploads. An edge has no memory, so a URL holds everything that the edge must know of an upload.
 * An HMAC signs it together with the key and the user. So nobody can change it, and no other user can use it.
 */
import { Refusal } from './refusal.ts';

/** What the edge knows of an upload besides the object. */
export interface UploadClaim {
  /** The name of this upload. It is also in the metadata of the object, so that two uploads never share an object. */
  readonly id: string;
  /** The length in bytes that the object will have. While the length is deferred, this is the greatest length. */
  readonly length: number;
  /** True while the client has not said how long the object will be. */
  readonly isDeferred: boolean;
  /** When the URL ends, in seconds since the epoch. */
  readonly expires: number;
  /** The `Upload-Metadata` of the client, exactly as it was sent. */
  readonly metadata: string;
}

/** The upload's owner and object. Both are signed, but only the key can be read in the URL. */
export interface UploadSubject {
  readonly user: string;
  readonly key: string;
}

/** The secrets of an edge. The first one signs, and all of them are accepted, so that a secret can be replaced. */
export type UploadSecrets = readonly string[];

const HMAC = { name: 'HMAC', hash: 'SHA-256' };
/** The name of the part of the query that holds the claim and its signature. */
const PARAMETER = 'upload';
/** The last field of a claim whose length is deferred. Other claims do not have this field. */
const DEFERRED = 1;

/** Returns whether a request has the URL of a resumable upload. */
export function isUploadUrl({ url }: Request): boolean {
  return new URL(url).searchParams.has(PARAMETER);
}

/** Returns the query of an upload's URL, with its question mark. */
export async function uploadQuery(claim: UploadClaim, subject: UploadSubject, secrets: UploadSecrets): Promise<string> {
  const { id, length, expires, metadata, isDeferred } = claim;
  const fields = [id, length, expires, metadata, ...(isDeferred ? [DEFERRED] : [])];
  const payload = toBase64Url(new TextEncoder().encode(JSON.stringify(fields)));
  const mac = await crypto.subtle.sign('HMAC', await keyOf(secrets[0] ?? '', 'sign'), signedText(payload, subject));
  return `?${PARAMETER}=${payload}.${toBase64Url(new Uint8Array(mac))}`;
}

/**
 * Returns the claim in a URL.
 *
 * @throws Refusal: 404 if the URL is not one of this edge, key and user, and 410 if it has expired.
 */
export async function readUploadUrl(
  { url }: Request,
  subject: UploadSubject,
  { secrets, now }: { readonly secrets: UploadSecrets; readonly now: number },
): Promise<UploadClaim> {
  const [payload = '', mac = '', ...more] = (new URL(url).searchParams.get(PARAMETER) ?? '').split('.');
  const signature = fromBase64Url(mac);
  if (more.length > 0 || !signature || !(await isSigned(signedText(payload, subject), signature, secrets)))
    throw noUpload();
  const [id, length, expires, metadata, deferred] = JSON.parse(new TextDecoder().decode(fromBase64Url(payload)));
  if (now >= expires * 1000) throw new Refusal(410, 'UploadExpired', 'This upload has expired: start a new one');
  return { id, length, expires, metadata, isDeferred: deferred === DEFERRED };
}

/** Refuses a URL in the same words, whatever is wrong with it. So nobody learns which uploads exist. */
export function noUpload(): Refusal {
  return new Refusal(404, 'NoSuchUpload', 'There is no such upload: start a new one');
}

/** Web Crypto compares the signatures in a time that does not depend on where they differ. */
async function isSigned(text: BufferSource, signature: BufferSource, secrets: UploadSecrets): Promise<boolean> {
  for (const secret of secrets)
    if (await crypto.subtle.verify('HMAC', await keyOf(secret, 'verify'), signature, text)) return true;
  return false;
}

/** JSON keeps the parts apart: no other parts give the same text. */
function signedText(payload: string, { user, key }: UploadSubject): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(['oss-append upload', user, key, payload]));
}

function keyOf(secret: string, usage: 'sign' | 'verify'): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), HMAC, false, [usage]);
}

/** Converts bytes to text that a URL can hold as it is. */
export function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}
