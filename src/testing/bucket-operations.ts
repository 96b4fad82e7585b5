// The operations of a bucket: its objects, its facts and its CORS rules.
// https://help.aliyun.com/document_detail/31968 (GetBucketInfo), 32001 (PutBucketCors), 31959 (PutBucket)

import { authorize } from './authorize.ts';
import type { Bucket, BucketAcl, Call } from './call.ts';
import type { CorsRule } from './cors.ts';
import { malformed, readCors } from './cors-xml.ts';
import { isoSeconds } from './encoding.ts';
import { invalidArgument, Refusal } from './errors.ts';
import { STORAGE_CLASSES } from './limits.ts';
import { listObjects, listObjectsV2, listObjectVersions, readEncoding, readMost } from './listing.ts';
import { refuseVersion } from './reads.ts';
import { OWNER, type Reply, xmlReply } from './reply.ts';
import type { Identity } from './verify.ts';
import { type Elements, xmlTexts, xmlWords } from './xml.ts';

/** Performs an operation that names no object. @throws {Refusal} */
export function performOnBucket(call: Call): Reply {
  const operation = OPERATIONS[call.operation];
  if (!operation) throw new Refusal(400, 'InvalidObjectName', 'The specified object is not valid.');
  return operation(call);
}

const OPERATIONS: Partial<Record<Call['operation'], (call: Call) => Reply>> = {
  ListObjects: listObjects,
  ListObjectsV2: listObjectsV2,
  ListObjectVersions: listObjectVersions,
  DeleteMultipleObjects: deleteMultipleObjects,
  ListMultipartUploads: listMultipartUploads,
  PutBucket: putBucket,
  DeleteBucket: deleteBucket,
  GetBucketInfo: getBucketInfo,
  GetBucketAcl: getBucketAcl,
  GetBucketCors: getBucketCors,
  PutBucketCors: putBucketCors,
  DeleteBucketCors: deleteBucketCors,
};

/** Returns the keys that DeleteMultipleObjects names. */
export const keysToDelete = (call: Call): readonly string[] => xmlTexts(textOf(call), 'Key');

/** Deletes up to 1,000 objects. A key that does not exist counts as deleted. */
function deleteMultipleObjects(call: Call): Reply {
  const keys = keysToDelete(call);
  for (const version of xmlWords(textOf(call), 'VersionId')) refuseVersion(new Map([['versionId', version]]));
  if (keys.length === 0 || keys.length > 1000) throw malformed('There must be 1 to 1000 keys.');
  for (const key of keys) authorize({ ...call, key }, 'oss:DeleteObject');
  for (const key of keys) call.bucket.objects.delete(key);
  const isQuiet = xmlWords(textOf(call), 'Quiet')[0] === 'true';
  const { encode, head } = readEncoding(call.query.values.get('encoding-type'));
  return xmlReply('DeleteResult', { ...head, Deleted: isQuiet ? [] : keys.map((key) => ({ Key: encode(key) })) });
}

/**
 * LocalOss has no multipart uploads, so the list is always empty. OSS writes empty elements too, and some clients need
 * them.
 */
function listMultipartUploads(call: Call): Reply {
  authorize(call, 'oss:ListMultipartUploads');
  const asked = (name: string) => call.query.values.get(name) ?? '';
  const { encode, head } = readEncoding(asked('encoding-type'));
  return xmlReply('ListMultipartUploadsResult', {
    ...head,
    Bucket: call.bucket.name,
    KeyMarker: encode(asked('key-marker')),
    UploadIdMarker: asked('upload-id-marker'),
    NextKeyMarker: '',
    NextUploadIdMarker: '',
    Delimiter: encode(asked('delimiter')),
    Prefix: encode(asked('prefix')),
    MaxUploads: String(readMost(asked('max-uploads') || '1000', 'max-uploads')),
    IsTruncated: 'false',
  });
}

/** The bucket exists already, or the server makes it after this call has succeeded. */
function putBucket(call: Call): Reply {
  authorize(call, 'oss:PutBucket');
  const acl = call.headers.get('x-oss-acl');
  if (acl !== null) call.bucket.acl = checkAcl(acl);
  call.bucket.storageClass = readStorageClass(call) ?? call.bucket.storageClass;
  return { status: 200, headers: { location: `/${call.bucket.name}`, 'content-length': '0' } };
}

/**
 * Returns the storage class that a CreateBucketConfiguration names. If the bucket already exists, its storage class
 * does not change.
 */
function readStorageClass(call: Call): string | undefined {
  const [name] = xmlWords(textOf(call), 'StorageClass');
  if (name === undefined || STORAGE_CLASSES.includes(name)) return name;
  throw malformed(`The storage class must be one of ${STORAGE_CLASSES.join(', ')}.`);
}

/** The server removes the bucket after this call has succeeded. */
function deleteBucket(call: Call): Reply {
  authorize(call, 'oss:DeleteBucket');
  if (call.bucket.objects.size > 0) {
    throw new Refusal(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty.');
  }
  return { status: 204, headers: {} };
}

/** Who asks for the list of all buckets. */
interface ListCall {
  readonly identity: Identity | undefined;
  readonly now: number;
  readonly query: ReadonlyMap<string, string>;
  readonly host: string;
}

/** Lists all buckets whose names begin with a prefix. @throws {Refusal} */
export function listBuckets(buckets: readonly Bucket[], { identity, now, query, host }: ListCall): Reply {
  if (!identity || (identity.key.policy?.decide('oss:ListBuckets', '*') ?? 'Allow') !== 'Allow') {
    throw new Refusal(403, 'AccessDenied', 'You have no right to list the buckets.', { ec: '0003-00000201' });
  }
  const [prefix = '', marker = ''] = ['prefix', 'marker'].map((name) => query.get(name));
  const most = readMost(query.get('max-keys'));
  const named = buckets
    .filter(({ name }) => name.startsWith(prefix) && name > marker)
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const page = named.slice(0, most);
  const isTruncated = named.length > page.length;
  const Bucket = page.map((bucket) => {
    bucket.created ??= now;
    const { CreationDate, ExtranetEndpoint, IntranetEndpoint, Location, Name, StorageClass } = factsOf(bucket, host);
    return { CreationDate, ExtranetEndpoint, IntranetEndpoint, Location, Name, Region: bucket.region, StorageClass };
  });
  const head = { Prefix: prefix, Marker: marker, MaxKeys: String(most), IsTruncated: String(isTruncated) };
  const next: Elements = isTruncated ? { NextMarker: page.at(-1)?.name ?? '' } : {};
  return xmlReply('ListAllMyBucketsResult', { ...head, ...next, Owner: OWNER, Buckets: { Bucket } });
}

function checkAcl(acl: string): BucketAcl {
  if (acl === 'private' || acl === 'public-read' || acl === 'public-read-write') return acl;
  throw invalidArgument('x-oss-acl', acl, 'The ACL must be private, public-read or public-read-write.');
}

function getBucketInfo(call: Call): Reply {
  authorize(call, 'oss:GetBucketInfo');
  call.bucket.created ??= call.now;
  const { acl } = call.bucket;
  const facts = { ...factsOf(call.bucket, call.host), Owner: OWNER, AccessControlList: { Grant: acl } };
  return xmlReply('BucketInfo', { Bucket: facts });
}

/**
 * Returns the facts about a bucket that OSS puts into its answers. A local server names itself as the endpoint, because
 * clients connect to the endpoint that they find here.
 */
function factsOf({ name, region, created = 0, storageClass }: Bucket, host: string) {
  const endpoint = (suffix: string) =>
    isAliyun(host) ? `oss-${region}${suffix}.aliyuncs.com` : ownEndpoint(name, host);
  return {
    Name: name,
    Location: `oss-${region}`,
    CreationDate: isoSeconds(created),
    ExtranetEndpoint: endpoint(''),
    IntranetEndpoint: endpoint('-internal'),
    StorageClass: storageClass,
    DataRedundancyType: 'LRS',
    AccessMonitor: 'Disabled',
    CrossRegionReplication: 'Disabled',
    TransferAcceleration: 'Disabled',
  };
}

const isAliyun = (host: string) => host.endsWith('.aliyuncs.com');

const ownEndpoint = (bucket: string, host: string) =>
  host.startsWith(`${bucket}.`) ? host.slice(bucket.length + 1) : host;

function getBucketAcl(call: Call): Reply {
  authorize(call, 'oss:GetBucketAcl');
  return xmlReply('AccessControlPolicy', { Owner: OWNER, AccessControlList: { Grant: call.bucket.acl } });
}

function getBucketCors(call: Call): Reply {
  authorize(call, 'oss:GetBucketCors');
  const { cors, responseVary } = call.bucket;
  if (cors.length === 0) {
    throw new Refusal(404, 'NoSuchCORSConfiguration', 'The CORS Configuration does not exist.');
  }
  return xmlReply('CORSConfiguration', { CORSRule: cors.map(elementsOf), ResponseVary: String(responseVary) });
}

function elementsOf({ maxAgeSeconds, ...rule }: CorsRule): Elements {
  return {
    AllowedOrigin: rule.allowedOrigins,
    AllowedMethod: rule.allowedMethods,
    AllowedHeader: rule.allowedHeaders ?? [],
    ExposeHeader: rule.exposeHeaders ?? [],
    ...(maxAgeSeconds === undefined ? {} : { MaxAgeSeconds: String(maxAgeSeconds) }),
  };
}

function putBucketCors(call: Call): Reply {
  authorize(call, 'oss:PutBucketCors');
  const { rules, responseVary } = readCors(textOf(call));
  call.bucket.cors = rules;
  call.bucket.responseVary = responseVary;
  return { status: 200, headers: { 'content-length': '0' } };
}

function textOf({ body }: Call): string {
  const decoder = new TextDecoder();
  return body.pieces.map((piece) => decoder.decode(piece, { stream: true })).join('') + decoder.decode();
}

function deleteBucketCors(call: Call): Reply {
  authorize(call, 'oss:PutBucketCors');
  call.bucket.cors = [];
  return { status: 204, headers: {} };
}
