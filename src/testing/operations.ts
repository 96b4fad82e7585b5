// The REST operations: what each requires, refuses, changes and answers. They are synchronous, so each one is atomic.
// https://help.aliyun.com/document_detail/31981 (AppendObject), 31984 (HeadObject), 31980 (GetObject)

import type { Body } from './body.ts';
import type { CorsRule } from './cors.ts';
import { invalidArgument, Refusal, type Reply } from './errors.ts';
import type { Operation } from './faults.ts';
import { checkDigest, checkKey, checkRequestOptions, checkWriteHeaders, creationHeaders, readTags } from './limits.ts';
import { MAX_OBJECT_SIZE, StoredObject } from './objects.ts';
import type { Identity } from './verify.ts';
import type { Query } from './wire.ts';

/** What requests without a signature may do. */
export type BucketAcl = 'private' | 'public-read' | 'public-read-write';

/** A bucket and its objects. */
export interface Bucket {
  readonly name: string;
  readonly region: string;
  readonly acl: BucketAcl;
  readonly cors: readonly CorsRule[];
  /** Refuses each write to an existing object, including appends (the overwrite rule of the bucket). */
  readonly forbidsOverwrite: boolean;
  /** Refuses each request that does not agree to pay. */
  readonly requesterPays: boolean;
  /** True where the bucket's region and account may seal appendable objects. */
  readonly allowsSealing: boolean;
  /** Adds `Vary: Origin` to each answer. */
  readonly responseVary: boolean;
  /** True if the bucket keeps the bytes of its objects, false if it keeps only length and CRC. */
  readonly keepsBytes: boolean;
  readonly objects: Map<string, StoredObject>;
}

/** An authenticated request whose body has been received. */
export interface Call {
  readonly operation: Operation;
  readonly method: string;
  readonly bucket: Bucket;
  readonly key: string;
  readonly query: Query;
  readonly headers: Headers;
  readonly body: Body;
  /** The signer of the request. It is undefined for an anonymous request. */
  readonly identity: Identity | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A number that is unique for each call. */
  readonly serial: number;
}

// The sub-resources of an object. Without this list, such a request would look like a plain PUT or GET of the contents.
const SUB_RESOURCES = ['acl', 'tagging', 'symlink', 'uploads', 'uploadId', 'restore', 'x-oss-process'];

/** Returns the operation that the method, the key and the query ask for. */
export function operationOf(method: string, key: string, query: ReadonlyMap<string, string>): Operation {
  if (method === 'OPTIONS') return 'OptionObject';
  if (key === '' || SUB_RESOURCES.some((name) => query.has(name))) return 'Unsupported';
  if (method === 'POST' && query.has('seal')) return 'SealAppendObject';
  if (method === 'POST') return query.has('append') ? 'AppendObject' : 'Unsupported';
  if (method === 'HEAD') return query.has('objectMeta') ? 'GetObjectMeta' : 'HeadObject';
  if (method === 'GET') return 'GetObject';
  if (method === 'PUT') return 'PutObject';
  return method === 'DELETE' ? 'DeleteObject' : 'Unsupported';
}

/** Performs the operation. @throws {Refusal} */
export function perform(call: Call): Reply {
  if (call.operation === 'Unsupported') throw unsupported(call);
  checkKey(call.key);
  checkRequestOptions(call.headers, call.query.values, call.bucket.requesterPays);
  if (call.operation === 'AppendObject') return appendObject(call);
  if (call.operation === 'SealAppendObject') return sealAppendObject(call);
  if (call.operation === 'PutObject') return putObject(call);
  if (call.operation === 'DeleteObject') return deleteObject(call);
  return readObject(call);
}

function unsupported({ method }: Call): Refusal {
  return new Refusal(501, 'NotImplemented', `LocalOss does not implement this ${method} request.`);
}

function appendObject(call: Call): Reply {
  authorizeWrite(call);
  const position = readPosition(call.query.values);
  checkWriteHeaders(call.headers);
  checkDigest(call.headers, call.body);
  const before = call.bucket.objects.get(call.key);
  if (before) refuseOverwrite(call);
  if (before && before.type !== 'Appendable') throw notAppendable();
  if (before?.sealedTime !== undefined) throw sealed();
  if (position !== (before?.length ?? 0)) throw positionNotEqualToLength(before);
  checkSize(position + call.body.length);
  const object = before ?? createObject(call, 'Appendable');
  object.append(call.body, call.now, call.serial);
  object.acl = call.headers.get('x-oss-object-acl') ?? object.acl;
  return { status: 200, headers: { ...tailHeaders(object), ...encryptionHeaders(object), 'content-length': '0' } };
}

/** A second seal at the same position succeeds and keeps the first time. */
function sealAppendObject(call: Call): Reply {
  authorize(call, 'oss:SealAppendObject');
  const position = readPosition(call.query.values);
  if (!call.bucket.allowsSealing) {
    const message = 'The operation is not supported for this bucket.';
    throw new Refusal(400, 'OperationNotSupported', message, { ec: '0016-00000513' });
  }
  const object = existing(call);
  if (object.type !== 'Appendable') throw notAppendable();
  if (position !== object.length) throw positionNotEqualToLength(object);
  object.sealedTime ??= call.now;
  return { status: 200, headers: { ...sealHeaders(object), 'content-length': '0' } };
}

function readPosition(query: ReadonlyMap<string, string>): number {
  if (query.has('versionId')) {
    const message = 'Append is not supported for a version of an object.';
    throw invalidArgument('versionId', query.get('versionId')!, message, '0016-00000504');
  }
  const text = query.get('position');
  if (text === undefined) {
    throw new Refusal(400, 'MissingArgument', 'Missing the argument position.', {
      ec: '0016-00000501',
      elements: { ArgumentName: 'position', ArgumentValue: '' },
    });
  }
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalidArgument('position', text, 'The position must be a non-negative integer.', '0016-00000502');
}

/**
 * The status is not certain: one test of an official SDK expects 400, and the documents list 409 (PROTOCOL.md, section
 * 10).
 */
function sealed(): Refusal {
  return new Refusal(400, 'AppendSealedObjectNotAllowed', 'The object is sealed and takes no more appends.');
}

function notAppendable(): Refusal {
  return new Refusal(409, 'ObjectNotAppendable', 'The object is not appendable.', { ec: '0026-00000017' });
}

function positionNotEqualToLength(object: StoredObject | undefined): Refusal {
  // It is not documented whether OSS adds the CRC here, so LocalOss does not: a client must not depend on it.
  const headers = { 'x-oss-next-append-position': String(object?.length ?? 0) };
  const message = 'Position is not equal to file length.';
  return new Refusal(409, 'PositionNotEqualToLength', message, { ec: '0026-00000016', headers });
}

function checkSize(size: number): void {
  if (size <= MAX_OBJECT_SIZE) return;
  const elements = { MaxSizeAllowed: String(MAX_OBJECT_SIZE), ProposedSize: String(size) };
  throw new Refusal(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size.', { elements });
}

function createObject({ bucket, key, headers }: Call, type: 'Appendable' | 'Normal'): StoredObject {
  const object = new StoredObject(type, bucket.keepsBytes, creationHeaders(headers));
  bucket.objects.set(key, object);
  return object;
}

function putObject(call: Call): Reply {
  authorizeWrite(call);
  checkWriteHeaders(call.headers);
  checkDigest(call.headers, call.body);
  checkSize(call.body.length);
  if (call.bucket.objects.has(call.key)) refuseOverwrite(call);
  const object = createObject(call, 'Normal');
  object.append(call.body, call.now, call.serial);
  object.acl = call.headers.get('x-oss-object-acl') ?? 'default';
  const headers = { etag: object.etag, 'x-oss-hash-crc64ecma': String(object.crc), ...encryptionHeaders(object) };
  return { status: 200, headers: { ...headers, 'content-length': '0' } };
}

/** Refuses to overwrite an existing object if the request or the bucket forbids that. */
function refuseOverwrite({ headers, bucket }: Call): void {
  if (headers.get('x-oss-forbid-overwrite') !== 'true' && !bucket.forbidsOverwrite) return;
  const message = 'The object you specified already exists and can not be overwritten.';
  throw new Refusal(409, 'FileAlreadyExists', message, { ec: '0026-00000002' });
}

function deleteObject(call: Call): Reply {
  authorize(call, 'oss:DeleteObject');
  call.bucket.objects.delete(call.key);
  return { status: 204, headers: {} };
}

function readObject(call: Call): Reply {
  authorize(call, 'oss:GetObject');
  const object = existing(call);
  refuseVersion(call.query.values);
  if (isNotModified(call.headers, object)) {
    return { status: 304, headers: { etag: object.etag, 'last-modified': httpDate(object.lastModified) } };
  }
  if (call.operation === 'GetObject') return getObject(call, object);
  const headers = call.operation === 'HeadObject' ? objectHeaders(object) : metaHeaders(object);
  if (!isCompressed(call, object)) return { status: 200, headers };
  return { status: 200, headers: { ...withoutLength(headers), 'content-encoding': 'gzip' } };
}

function existing({ bucket, key }: Call): StoredObject {
  const object = bucket.objects.get(key);
  if (object) return object;
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

function refuseVersion(query: ReadonlyMap<string, string>): void {
  const version = query.get('versionId') ?? 'null';
  if (version === 'null') return;
  throw new Refusal(404, 'NoSuchVersion', 'The specified version does not exist.', {
    elements: { VersionId: version },
  });
}

function getObject(call: Call, object: StoredObject): Reply {
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
  const unmodifiedSince = Date.parse(headers.get('if-unmodified-since') ?? '');
  if ((match !== null && !tagsOf(match).includes(object.etag)) || modified > unmodifiedSince) {
    throw new Refusal(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold.');
  }
  const noneMatch = headers.get('if-none-match');
  if (noneMatch !== null) return tagsOf(noneMatch).includes(object.etag);
  return modified <= Date.parse(headers.get('if-modified-since') ?? '');
}

function tagsOf(header: string): string[] {
  return header.split(',').map((tag) => tag.trim());
}

function tailHeaders(object: StoredObject): Record<string, string> {
  return {
    etag: object.etag,
    'x-oss-hash-crc64ecma': String(object.crc),
    'x-oss-next-append-position': String(object.length),
  };
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
    ...(tags > 0 ? { 'x-oss-tagging-count': String(tags) } : {}),
    ...sealHeaders(object),
  };
}

function sealHeaders({ sealedTime }: StoredObject): Record<string, string> {
  return sealedTime === undefined ? {} : { 'x-oss-sealed-time': httpDate(sealedTime) };
}

function encryptionHeaders(object: StoredObject): Record<string, string> {
  return Object.fromEntries(Object.entries(object.headers).filter(([name]) => name.startsWith('x-oss-server-side-')));
}

/** Formats a time as HTTP headers do. */
export function httpDate(time: number): string {
  return new Date(time).toUTCString();
}

function authorizeWrite(call: Call): void {
  authorize(call, 'oss:PutObject');
  if (call.headers.has('x-oss-tagging')) authorize(call, 'oss:PutObjectTagging');
}

function authorize(call: Call, action: string): void {
  const { identity } = call;
  if (!identity) authorizeAnonymous(call, action === 'oss:GetObject' ? 'read' : 'write');
  const decision = identity?.key.policy?.decide(action, `${call.bucket.name}/${call.key}`) ?? 'Allow';
  if (identity && decision !== 'Allow') throw deniedByPolicy(action, identity, decision);
}

function authorizeAnonymous({ bucket, key }: Call, access: 'read' | 'write'): void {
  const own = bucket.objects.get(key)?.acl ?? 'default';
  const acl = own === 'default' ? bucket.acl : own;
  if (acl === 'public-read-write' || (acl === 'public-read' && access === 'read')) return;
  const [what, ec] = own === 'default' ? ['bucket', '0003-00000001'] : ['object', '0003-00000005'];
  const message = `You have no right to access this object because of ${what} acl.`;
  throw new Refusal(403, 'AccessDenied', message, { ec: ec! });
}

function deniedByPolicy(action: string, { accessKeyId }: Identity, decision: string): Refusal {
  return new Refusal(403, 'AccessDenied', 'You have no right to access this object.', {
    ec: '0003-00000201',
    elements: {
      AccessDeniedDetail: {
        AuthAction: action,
        AuthPrincipalType: 'AssumedRoleUser',
        AuthPrincipalOwnerId: '1234567890123456',
        AuthPrincipalDisplayName: accessKeyId,
        NoPermissionType: decision,
        PolicyType: 'SessionPolicy',
      },
    },
  });
}
