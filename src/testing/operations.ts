// The REST operations of objects: what each requires, refuses, changes and answers. They are synchronous, so each one
// is atomic. https://help.aliyun.com/document_detail/31981 (AppendObject)

import { authorize, authorizeWrite } from './authorize.ts';
import { performOnBucket } from './bucket-operations.ts';
import type { Call } from './call.ts';
import { invalidArgument, notImplemented, Refusal } from './errors.ts';
import {
  checkAppendHeaders,
  checkDigest,
  checkKey,
  checkRequestOptions,
  checkTags,
  checkWriteHeaders,
  creationHeaders,
} from './limits.ts';
import { MAX_OBJECT_SIZE, type ObjectType, StoredObject } from './objects.ts';
import {
  encryptionHeaders,
  existing,
  getObjectAcl,
  getObjectTagging,
  md5Of,
  readObject,
  refuseVersion,
  sealHeaders,
} from './reads.ts';
import type { Reply } from './reply.ts';
import { actionName } from './routing.ts';

/** Performs the operation. @throws {Refusal} */
export function perform(call: Call): Reply {
  if (call.operation === 'Unsupported') throw unsupported(call);
  checkRequestOptions(call);
  const reply = call.key === '' ? performOnBucket(call) : performOnObject(call);
  if (!call.bucket.requesterPays) return reply;
  return { ...reply, headers: { ...reply.headers, 'x-oss-request-charged': 'requester' } };
}

function performOnObject(call: Call): Reply {
  checkKey(call.key);
  return (OPERATIONS[call.operation] ?? readObject)(call);
}

const OPERATIONS: Partial<Record<Call['operation'], (call: Call) => Reply>> = {
  AppendObject: appendObject,
  SealAppendObject: sealAppendObject,
  PutObject: putObject,
  CopyObject: copyObject,
  DeleteObject: deleteObject,
  GetObjectAcl: getObjectAcl,
  GetObjectTagging: getObjectTagging,
};

function unsupported(call: Call): Refusal {
  return notImplemented(actionName({ ...call, bucket: call.bucket.name, query: call.query.values }));
}

/** Refuses an appendable source as OSS does, and every other copy because LocalOss makes none. */
function copyObject(call: Call): Reply {
  authorizeWrite(call);
  const [, bucket, source = ''] = /^\/?([^/]+)\/(.+)$/.exec(copySource(call)) ?? [];
  const object = bucket === call.bucket.name ? call.bucket.objects.get(source) : undefined;
  if (object?.type === 'Appendable') {
    throw new Refusal(400, 'OperationNotSupported', 'The operation is not supported for an appendable object.');
  }
  throw unsupported(call);
}

function copySource({ headers }: Call): string {
  const source = headers.get('x-oss-copy-source') ?? '';
  try {
    return decodeURIComponent(source);
  } catch {
    throw invalidArgument('x-oss-copy-source', source, 'The source of the copy must be URL-encoded.');
  }
}

function appendObject(call: Call): Reply {
  authorizeWrite(call);
  const position = readPosition(call.query.values);
  checkAppendHeaders(call.headers);
  checkDigest(call.headers, call.body);
  const before = takesAppends(call);
  if (!before) checkTags(call.headers);
  if (position !== (before?.length ?? 0)) throw positionNotEqualToLength(before);
  const object = objectToWrite(call, call.body.length, 'Appendable');
  object.append(call.body, call.now, call.serial);
  object.acl = call.headers.get('x-oss-object-acl') ?? object.acl;
  return { status: 200, headers: { ...tailHeaders(object), ...encryptionHeaders(object), 'content-length': '0' } };
}

type Place = Pick<Call, 'bucket' | 'key' | 'headers'>;

/** Returns the object that an append or a PutObject of `size` bytes writes to. @throws {Refusal} if OSS refuses it. */
export function objectToWrite(place: Place, size: number, type: ObjectType): StoredObject {
  const before = type === 'Appendable' ? takesAppends(place) : undefined;
  checkSize((before?.length ?? 0) + size);
  if (type === 'Normal' && place.bucket.objects.has(place.key)) refuseOverwrite(place);
  return before ?? createObject(place, type);
}

/** Returns the object, or undefined if there is none. @throws {Refusal} if OSS would refuse every append. */
function takesAppends(call: Place): StoredObject | undefined {
  const object = call.bucket.objects.get(call.key);
  if (object) refuseOverwrite(call);
  if (object && object.type !== 'Appendable') throw notAppendable();
  if (object?.sealedTime !== undefined) throw sealed();
  return object;
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
  if (/^\d+$/.test(text)) return Number(text);
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
  const message = 'Position is not equal to file length';
  return new Refusal(409, 'PositionNotEqualToLength', message, { ec: '0026-00000016', headers });
}

/** Checks the size that an object would have. @throws {Refusal} EntityTooLarge */
function checkSize(size: number): void {
  if (size <= MAX_OBJECT_SIZE) return;
  const elements = { MaxSizeAllowed: String(MAX_OBJECT_SIZE), ProposedSize: String(size) };
  throw new Refusal(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size.', { elements });
}

function createObject({ bucket, key, headers }: Place, type: ObjectType): StoredObject {
  const object = new StoredObject(type, bucket.keepsBytes, creationHeaders(headers, bucket.storageClass));
  bucket.objects.set(key, object);
  return object;
}

function putObject(call: Call): Reply {
  authorizeWrite(call);
  checkWriteHeaders(call.headers);
  checkDigest(call.headers, call.body);
  const object = objectToWrite(call, call.body.length, 'Normal');
  object.append(call.body, call.now, call.serial);
  object.acl = call.headers.get('x-oss-object-acl') ?? 'default';
  const checks = { 'content-md5': md5Of(object), 'x-oss-hash-crc64ecma': String(object.crc) };
  const headers = { etag: object.etag, ...checks, ...encryptionHeaders(object) };
  return { status: 200, headers: { ...headers, 'content-length': '0' } };
}

/** Refuses to overwrite an existing object if the request or the bucket forbids that. */
function refuseOverwrite({ headers, bucket }: Pick<Call, 'headers' | 'bucket'>): void {
  if (headers.get('x-oss-forbid-overwrite') !== 'true' && !bucket.forbidsOverwrite) return;
  const message = 'The object you specified already exists and can not be overwritten.';
  throw new Refusal(409, 'FileAlreadyExists', message, { ec: '0026-00000002' });
}

function deleteObject(call: Call): Reply {
  authorize(call, 'oss:DeleteObject');
  refuseVersion(call.query.values);
  call.bucket.objects.delete(call.key);
  return { status: 204, headers: {} };
}

function tailHeaders(object: StoredObject): Record<string, string> {
  return {
    etag: object.etag,
    'x-oss-hash-crc64ecma': String(object.crc),
    'x-oss-next-append-position': String(object.length),
  };
}
