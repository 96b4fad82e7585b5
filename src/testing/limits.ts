// The limits of OSS for the headers of a write, and the headers that an object keeps from its creation.
// https://help.aliyun.com/document_detail/31981 (AppendObject)

import type { Body } from './body.ts';
import type { Call } from './call.ts';
import { base64 } from './encoding.ts';
import { invalidArgument, Refusal } from './errors.ts';
import { invalidObjectName } from './target.ts';

const MAX_METADATA = 8192;
const MAX_TAGS = 10;

/** Checks that a key has 1 to 1,023 bytes of UTF-8 and does not begin with a slash or a backslash. @throws {Refusal} */
export function checkKey(key: string): void {
  const size = new TextEncoder().encode(key).length;
  if (size < 1 || size > 1023 || key.startsWith('/') || key.startsWith('\\')) throw invalidObjectName(key);
}

/**
 * Checks the two options that OSS accepts either in a header or in the query, but not in both: the traffic limit and
 * the consent to pay for the request.
 *
 * @throws {Refusal}
 */
export function checkRequestOptions(call: Pick<Call, 'headers' | 'query' | 'bucket' | 'identity'>): void {
  const { headers, identity } = call;
  const query = call.query.values;
  const limit = requestOption(headers, query, 'x-oss-traffic-limit');
  if (limit !== undefined && !(/^\d{1,10}$/.test(limit) && Number(limit) >= 819_200 && Number(limit) <= 838_860_800)) {
    throw invalidArgument('x-oss-traffic-limit', limit, 'The traffic limit must be 819200 to 838860800 bit/s.');
  }
  const payer = requestOption(headers, query, 'x-oss-request-payer');
  if (payer !== undefined && payer !== 'requester') {
    throw invalidArgument('x-oss-request-payer', payer, 'The payer must be requester.');
  }
  if (!call.bucket.requesterPays || (identity && payer !== undefined)) return;
  // The last digit is 1 without a signature, 2 with a signature in the query, and 3 with a signature in the header.
  const digit = !identity ? 1 : query.has('x-oss-signature') ? 2 : 3;
  throw new Refusal(403, 'AccessDenied', 'Access denied for requester pay bucket.', { ec: `0003-0000070${digit}` });
}

function requestOption(headers: Headers, query: ReadonlyMap<string, string>, name: string): string | undefined {
  const [header, value] = [headers.get(name) ?? undefined, query.get(name)];
  if (header === undefined || value === undefined) return header ?? value;
  throw invalidArgument(name, value, `${name} must be in a header or in the query, not in both.`);
}

/** Checks the headers of AppendObject and PutObject, except the tags. @throws {Refusal} */
function checkHeaders(headers: Headers): void {
  refuseConditions(headers);
  checkOneOf(headers, 'x-oss-object-acl', ['default', 'private', 'public-read', 'public-read-write']);
  checkOneOf(headers, STORAGE_CLASS, STORAGE_CLASSES, '0017-00000132');
  checkOneOf(headers, 'x-oss-forbid-overwrite', ['true', 'false'], '0017-00000279');
  checkEncryption(headers);
  checkMetadata(headers);
}

/** Checks the headers of PutObject. @throws {Refusal} */
export function checkWriteHeaders(headers: Headers): void {
  checkHeaders(headers);
  checkTags(headers);
}

/** Checks the tags that a new object gets. OSS ignores those of a later append, even if they are wrong. @throws {Refusal} */
export function checkTags(headers: Headers): void {
  readTags(headers.get('x-oss-tagging') ?? '');
}

const STORAGE_CLASS = 'x-oss-storage-class';
/** The storage classes of OSS. */
export const STORAGE_CLASSES: readonly string[] = ['Standard', 'IA', 'Archive', 'ColdArchive', 'DeepColdArchive'];

/** Checks the headers of AppendObject, except the tags. It accepts fewer values than PutObject. @throws {Refusal} */
export function checkAppendHeaders(headers: Headers): void {
  checkHeaders(headers);
  const value = headers.get(STORAGE_CLASS);
  if (value?.endsWith('ColdArchive')) {
    throw invalidArgument(STORAGE_CLASS, value, `${value} is not supported here.`, '0016-00000503');
  }
  const id = headers.get(KEY_ID);
  if (id === null) return;
  throw invalidArgument(KEY_ID, id, 'An appendable object cannot be encrypted with a KMS key of your own.');
}

/** Compares Content-MD5 with the MD5 of the received body. @throws {Refusal} InvalidDigest */
export function checkDigest(headers: Headers, body: Body): void {
  const expected = headers.get('content-md5');
  if (expected === null) return;
  if (!/^[A-Za-z0-9+/]{22}==$/.test(expected)) {
    throw new Refusal(400, 'InvalidDigest', 'The Content-MD5 you specified is invalid.', { ec: '0017-00000502' });
  }
  if (body.md5 !== undefined && base64(body.md5) !== expected) {
    const message = 'The Content-MD5 you specified did not match what we received.';
    throw new Refusal(400, 'InvalidDigest', message, { ec: '0017-00000503' });
  }
}

const KEPT = ['cache-control', 'content-disposition', 'content-encoding', 'expires', 'x-oss-tagging'];

/**
 * Returns the headers that an object keeps from its creation. By default, the object has the storage class of the
 * bucket.
 */
export function creationHeaders(headers: Headers, storageClass: string): Record<string, string> {
  const kept: Record<string, string> = {
    'content-type': headers.get('content-type') ?? 'application/octet-stream',
    [STORAGE_CLASS]: headers.get(STORAGE_CLASS) ?? storageClass,
  };
  for (const [name, value] of headers) {
    if (name.startsWith('x-oss-meta-') || name.startsWith('x-oss-server-side-') || KEPT.includes(name)) {
      kept[name] = value;
    }
  }
  if (kept[ENCRYPTION] === 'KMS') kept[KEY_ID] ??= DEFAULT_KMS_KEY;
  return kept;
}

const ENCRYPTION = 'x-oss-server-side-encryption';
const KEY_ID = 'x-oss-server-side-encryption-key-id';
const DATA_ENCRYPTION = 'x-oss-server-side-data-encryption';
/** If a request names no KMS key, OSS chooses a key and names it in the answer. */
const DEFAULT_KMS_KEY = '00000000-0000-4000-8000-000000000000';

/** Returns the tags of the header x-oss-tagging. @throws {Refusal} InvalidTag */
export function readTags(tagging: string): Map<string, string> {
  const tags = new Map<string, string>();
  for (const pair of tagging === '' ? [] : tagging.split('&')) {
    const [name, value] = tagPair(pair);
    if (tags.has(name)) throw invalidTag(`The tag key "${name}" comes twice.`);
    tags.set(name, value);
  }
  if (tags.size > MAX_TAGS) throw invalidTag(`An object has at most ${MAX_TAGS} tags.`);
  return tags;
}

function tagPair(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  const [name, value] = [equals < 0 ? pair : pair.slice(0, equals), equals < 0 ? '' : pair.slice(equals + 1)].map(
    plain,
  );
  if (!name || name.length > 128) throw invalidTag('A tag key has 1 to 128 characters.');
  if (value === undefined || value.length > 256) throw invalidTag('A tag value has at most 256 characters.');
  return [name, value];
}

function plain(text: string): string {
  let decoded = '';
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidTag('The tagging must be URL-encoded.');
  }
  if (!/^[A-Za-z0-9 +\-=._:/]*$/.test(decoded)) throw invalidTag('A tag has a character that is not allowed.');
  return decoded;
}

function invalidTag(message: string): Refusal {
  return new Refusal(400, 'InvalidTag', message);
}

function refuseConditions(headers: Headers): void {
  for (const name of ['If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since']) {
    if (!headers.has(name)) continue;
    const message = 'A header you provided implies functionality that is not implemented.';
    throw new Refusal(400, 'NotImplemented', message, { ec: '0017-00000245', elements: { Header: name } });
  }
}

function checkOneOf(headers: Headers, name: string, values: readonly string[], ec?: string): void {
  const value = headers.get(name);
  if (value !== null && !values.includes(value)) {
    throw invalidArgument(name, value, `${name} must be one of ${values.join(', ')}.`, ec);
  }
}

function checkEncryption(headers: Headers): void {
  const method = headers.get(ENCRYPTION);
  if (method !== null && !['AES256', 'KMS', 'SM4'].includes(method)) {
    throw new Refusal(400, 'InvalidEncryptionAlgorithmError', 'The encryption algorithm is not valid.');
  }
  checkOneOf(headers, DATA_ENCRYPTION, ['SM4']);
  for (const name of [DATA_ENCRYPTION, KEY_ID]) {
    const value = headers.get(name);
    if (value === null || method === 'KMS') continue;
    throw invalidArgument(name, value, `${name} is valid only together with ${ENCRYPTION}: KMS.`);
  }
}

function checkMetadata(headers: Headers): void {
  let size = 0;
  for (const [name, value] of headers) {
    if (!name.startsWith('x-oss-meta-')) continue;
    size += name.length + value.length;
    if (!/^[a-z0-9-]+$/.test(name)) {
      throw invalidArgument(name, value, 'Metadata names have letters, digits and hyphens only.', '0011-00000004');
    }
  }
  if (size <= MAX_METADATA) return;
  const message = `All metadata together, names and values, must not exceed ${MAX_METADATA} bytes.`;
  throw invalidArgument('x-oss-meta-*', String(size), message, '0011-00000002');
}
