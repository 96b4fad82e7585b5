// The operations that read an object: HEAD, GET with a range and conditions, its ACL and its tags.
// https://help.aliyun.com/document_detail/31984 (HeadObject), 31980 (GetObject)

import { authorize } from './authorize.ts';
import type { Call } from './call.ts';
import { base64 } from './encoding.ts';
import { Refusal } from './errors.ts';
import { readTags } from './limits.ts';
import type { StoredObject } from './objects.ts';
import { httpDate, OWNER, type Reply, xmlReply } from './reply.ts';

/** Performs GetObjectAcl. @throws {Refusal} */
export function getObjectAcl(call: Call): Reply {
  authorize(call, 'oss:GetObjectAcl');
  const { acl } = existing(call);
  return xmlReply('AccessControlPolicy', { Owner: OWNER, AccessControlList: { Grant: acl } });
}

/** Performs GetObjectTagging. @throws {Refusal} */
export function getObjectTagging(call: Call): Reply {
  authorize(call, 'oss:GetObjectTagging');
  const tags = readTags(existing(call).headers['x-oss-tagging'] ?? '');
  return xmlReply('Tagging', { TagSet: { Tag: [...tags].map(([Key, Value]) => ({ Key, Value })) } });
}

/** Performs HeadObject, GetObjectMeta and GetObject. @throws {Refusal} */
export function readObject(call: Call): Reply {
  authorize(call, 'oss:GetObject');
  const object = existing(call);
  if (isNotModified(call.headers, object)) {
    return { status: 304, headers: { etag: object.etag, 'last-modified': httpDate(object.lastModified) } };
  }
  if (call.operation === 'GetObject') return getObject(call, object);
  const headers = call.operation === 'HeadObject' ? objectHeaders(object) : metaHeaders(object);
  if (!isCompressed(call, object)) return { status: 200, headers };
  return { status: 200, headers: { ...withoutLength(headers), 'content-encoding': 'gzip' } };
}

/** Returns the object. @throws {Refusal} NoSuchKey or NoSuchVersion */
export function existing({ bucket, key, query }: Call): StoredObject {
  const object = bucket.objects.get(key);
  if (object) {
    refuseVersion(query.values);
    return object;
  }
  const message = 'The specified key does not exist.';
  throw new Refusal(404, 'NoSuchKey', message, { ec: '0026-00000001', elements: { Key: key } });
}

/** A compressed answer has no ETag, and its length differs from the length of the object. */
function withoutLength(headers: Record<string, string>): Record<string, string> {
  const { 'content-length': _length, etag: _etag, 'accept-ranges': _ranges, ...rest } = headers;
  return rest;
}

// https://help.aliyun.com/knowledge_detail/39645.html
const COMPRESSED_TYPES =
  /^(text\/(cache-manifest|xml|css|html|plain|json)|application\/(javascript|x-javascript|rss\+xml|json))$/;
const LEAST_COMPRESSED = 1024;

/**
 * Returns whether OSS compresses the object during the transfer. A request without Accept-Encoding counts as one that
 * accepts gzip: browsers, Node and Deno add this header below `fetch`, where LocalOss cannot see it.
 */
function isCompressed({ headers }: Call, object: StoredObject): boolean {
  const type = object.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  const accepts = /\bgzip\b/.test(headers.get('accept-encoding') ?? 'gzip');
  return (
    accepts && object.length >= LEAST_COMPRESSED && COMPRESSED_TYPES.test(type) && !object.headers['content-encoding']
  );
}

/** Every object has one version, and its name is `null`. @throws {Refusal} NoSuchVersion */
export function refuseVersion(query: ReadonlyMap<string, string>): void {
  const version = query.get('versionId') ?? 'null';
  if (version === 'null') return;
  throw new Refusal(404, 'NoSuchVersion', 'The specified version does not exist.', {
    elements: { VersionId: version },
  });
}

function getObject(call: Call, object: StoredObject): Reply {
  if (/Archive$/.test(object.headers['x-oss-storage-class'] ?? '')) {
    throw new Refusal(403, 'InvalidObjectState', "The operation is not valid for the object's state");
  }
  const range = readRange(call.headers, object.length);
  const [start, end] = range ?? [0, object.length];
  if (!object.keepsBytes && end > start) {
    throw new Refusal(
      501,
      'NotImplemented',
      "The bucket keeps no bytes (contents: 'checksum'), so its objects cannot be read.",
    );
  }
  const answer: Record<string, string> = { ...objectHeaders(object), 'content-length': String(end - start) };
  if (range) answer['content-range'] = `bytes ${start}-${end - 1}/${object.length}`;
  for (const [name, value] of overridesOf(call)) answer[name] = value;
  const body = contents(object, start, end);
  // The body is not compressed here, because a real runtime also gives its caller the decoded bytes.
  if (!range && !answer['content-encoding'] && isCompressed(call, object)) {
    return { status: 200, headers: withoutLength(answer), body };
  }
  return { status: range ? 206 : 200, headers: answer, body };
}

/** Returns the response headers that the query overrides. */
function overridesOf({ query, identity }: Call): [name: string, value: string][] {
  const overrides = [...query.values].filter(([name]) =>
    /^response-(cache-control|content-(disposition|encoding|language|type)|expires)$/.test(name),
  );
  if (overrides.length > 0 && !identity) {
    throw new Refusal(400, 'InvalidRequest', 'Can not override response header for an anonymous user.');
  }
  return overrides.map(([name, value]) => [name.slice('response-'.length), value]);
}

/**
 * Reads a range with an exclusive end. Returns undefined for the whole object, which is also OSS's answer to a bad
 * range.
 */
function readRange(headers: Headers, length: number): [start: number, end: number] | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)(?:,|$)/.exec(headers.get('range') ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return undefined;
  const standard = headers.get('x-oss-range-behavior') === 'standard';
  // An empty object has no last bytes.
  if (first === '' && length === 0 && !standard) return undefined;
  const start = first === '' ? length - Number(last) : Number(first);
  const end = first === '' || last === '' ? length : Number(last) + 1;
  if (start >= end && start < length) return undefined;
  if (start >= length) {
    if (!standard) return undefined;
    const range = { 'content-range': `bytes */${length}` };
    throw new Refusal(416, 'InvalidRange', 'The requested range cannot be satisfied.', { headers: range });
  }
  if (!standard && (start < 0 || end > length)) return undefined;
  return [Math.max(start, 0), Math.min(end, length)];
}

const STREAM_PIECE = 256 * 1024;

/**
 * Returns a small body at once, and a large body as a stream, because the client may cancel it after its first bytes.
 */
function contents(object: StoredObject, start: number, end: number): NonNullable<Reply['body']> {
  if (end - start <= 4 * STREAM_PIECE) return object.bytes(start, end);
  let at = start;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const next = Math.min(at + STREAM_PIECE, end);
      controller.enqueue(object.bytes(at, next));
      at = next;
      if (at === end) controller.close();
    },
  });
}

function isNotModified(headers: Headers, object: StoredObject): boolean {
  const modified = Math.floor(object.lastModified / 1000) * 1000;
  const match = headers.get('if-match');
  if (match !== null && !names(match, object)) throw preconditionFailed('If-Match');
  if (modified > timeIn(headers, 'if-unmodified-since')) throw preconditionFailed('If-Unmodified-Since');
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== null) return names(noneMatch, object);
  return modified <= timeIn(headers, 'if-modified-since');
}

function preconditionFailed(Condition: string): Refusal {
  const message = 'At least one of the pre-conditions you specified did not hold.';
  return new Refusal(412, 'PreconditionFailed', message, { ec: '0017-00001001', elements: { Condition } });
}

/** Returns a time in ms since the epoch, or NaN for a header that is missing or is not a date of HTTP (RFC 9110). */
function timeIn(headers: Headers, name: string): number {
  const text = headers.get(name) ?? '';
  return /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
}

/** Returns whether a list of ETags names the object. `*` names every object. */
function names(header: string, { etag }: StoredObject): boolean {
  const tags = header.split(',').map((tag) => tag.trim());
  return tags.includes('*') || tags.includes(etag);
}

function metaHeaders(object: StoredObject): Record<string, string> {
  return {
    'content-length': String(object.length),
    etag: object.etag,
    'last-modified': httpDate(object.lastModified),
    'x-oss-hash-crc64ecma': String(object.crc),
  };
}

function objectHeaders(object: StoredObject): Record<string, string> {
  const { 'x-oss-tagging': tagging, ...headers } = object.headers;
  const tags = tagging === undefined ? 0 : readTags(tagging).size;
  return {
    ...headers,
    ...metaHeaders(object),
    'accept-ranges': 'bytes',
    'x-oss-object-type': object.type,
    ...(object.type === 'Appendable' ? { 'x-oss-next-append-position': String(object.length) } : {}),
    ...(object.type === 'Normal' ? { 'content-md5': md5Of(object) } : {}),
    ...(tags > 0 ? { 'x-oss-tagging-count': String(tags) } : {}),
    ...sealHeaders(object),
  };
}

/** The MD5 of a normal object in base64. Its ETag is the same MD5 in hexadecimal digits. */
export function md5Of({ etag }: StoredObject): string {
  const digits = etag.match(/[0-9A-F]{2}/g) ?? [];
  return base64(Uint8Array.from(digits, (byte) => Number.parseInt(byte, 16)));
}

/** The header of a sealed object. */
export function sealHeaders({ sealedTime }: StoredObject): Record<string, string> {
  return sealedTime === undefined ? {} : { 'x-oss-sealed-time': httpDate(sealedTime) };
}

/** The headers that say how an object is encrypted. */
export function encryptionHeaders(object: StoredObject): Record<string, string> {
  return Object.fromEntries(Object.entries(object.headers).filter(([name]) => name.startsWith('x-oss-server-side-')));
}
