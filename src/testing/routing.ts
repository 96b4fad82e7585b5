// Finds the operation that a request asks for, by its method, its key, its query and its headers.

import { OPERATIONS, type Operation } from './faults.ts';

/** The parts of a request that name an operation. */
export interface Asked {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Headers;
}

/** Returns the operation that a request asks for. */
export function operationOf(asked: Asked): Operation {
  if (asked.method === 'OPTIONS') return 'OptionObject';
  const name = actionName(asked);
  return isKnown(name) && unknownResource(asked) === undefined ? name : 'Unsupported';
}

function isKnown(name: string): name is Operation {
  return (OPERATIONS as readonly string[]).includes(name);
}

/** Returns OSS's name of an operation, such as `PutObjectTagging`, also if LocalOss does not implement it. */
export function actionName(asked: Asked): string {
  const { method, key, query } = asked;
  const table = key === '' ? BUCKET_ACTIONS : OBJECT_ACTIONS;
  const resource = Object.keys(table).find((name) => asked.bucket !== '' && query.has(name));
  if (resource !== undefined) return table[resource]?.[method] ?? `${method} ?${resource}`;
  const unknown = unknownResource(asked);
  if (unknown !== undefined) return unknownName(asked, unknown);
  if (asked.bucket === '') return method === 'GET' ? 'ListBuckets' : `${method} /`;
  if (key === '') return query.get('list-type') === '2' ? 'ListObjectsV2' : (BUCKETS[method] ?? `${method} /`);
  return objectAction(asked);
}

function objectAction({ method, headers }: Asked): string {
  const name = OBJECTS[method] ?? `this ${method} request`;
  if (name !== 'PutObject') return name;
  if (headers.has('x-oss-callback')) return 'Callback';
  return headers.has('x-oss-copy-source') ? 'CopyObject' : name;
}

/** The parameters of requests that have no key. Every other name without a value is a sub-resource of the bucket. */
const PARAMETERS =
  /^(x-oss-.*|security-token|OSSAccessKeyId|Signature|Expires|prefix|delimiter|.*marker|max-.*|encoding-type|list-type|start-after|continuation-token|fetch-owner)$/;

/**
 * Returns the sub-resource of a request if no table has it, such as `encryption` in `PUT /?encryption`. Without this
 * rule, such a request would look like PutBucket, or even DeleteBucket. When an object is read, unknown names in the
 * query are ignored, as OSS does.
 */
function unknownResource({ method, bucket, key, query }: Asked): string | undefined {
  if (key !== '' && /^(GET|HEAD)$/.test(method)) return undefined;
  const known = bucket === '' ? {} : key === '' ? BUCKET_ACTIONS : OBJECT_ACTIONS;
  if (Object.keys(known).some((name) => query.has(name))) return undefined;
  // LocalOss implements no filters for the list of all buckets, so every parameter of this list that is not in the
  // table above is unknown.
  const isForeign = ([name, value]: [string, string]) => (value === '' || bucket === '') && !PARAMETERS.test(name);
  return [...query].find(isForeign)?.[0];
}

function unknownName({ method, bucket, key }: Asked, resource: string): string {
  const verb = { GET: 'Get', PUT: 'Put', DELETE: 'Delete' }[method];
  if (bucket === '' || key !== '' || verb === undefined) return `${method} ?${resource}`;
  return `${verb}Bucket${resource.charAt(0).toUpperCase()}${resource.slice(1)}`;
}

type Actions = Readonly<Record<string, Readonly<Record<string, string>>>>;

const OBJECTS: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  HEAD: 'HeadObject',
  PUT: 'PutObject',
  POST: 'PostObject',
  DELETE: 'DeleteObject',
};

const BUCKETS: Readonly<Record<string, string>> = {
  GET: 'ListObjects',
  PUT: 'PutBucket',
  POST: 'PostObject',
  DELETE: 'DeleteBucket',
};

/** The sub-resources of an object. Without this table, such a request would look like a plain PUT or GET. */
const OBJECT_ACTIONS: Actions = {
  acl: { GET: 'GetObjectAcl', PUT: 'PutObjectAcl' },
  tagging: { GET: 'GetObjectTagging', PUT: 'PutObjectTagging', DELETE: 'DeleteObjectTagging' },
  symlink: { GET: 'GetSymlink', PUT: 'PutSymlink' },
  uploads: { POST: 'InitiateMultipartUpload' },
  partNumber: { PUT: 'UploadPart' },
  uploadId: { POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload', GET: 'ListParts' },
  restore: { POST: 'RestoreObject' },
  'x-oss-process': { GET: 'ProcessImage', POST: 'ProcessObject' },
  callback: { PUT: 'Callback', POST: 'Callback' },
  seal: { POST: 'SealAppendObject' },
  append: { POST: 'AppendObject' },
  objectMeta: { HEAD: 'GetObjectMeta' },
  live: { PUT: 'PutLiveChannel', GET: 'GetLiveChannel', DELETE: 'DeleteLiveChannel' },
  vod: { GET: 'GetVodPlaylist', POST: 'PostVodPlaylist' },
};

/** The sub-resources of a bucket that LocalOss implements, and those whose operation has an irregular name. */
const BUCKET_ACTIONS: Actions = {
  acl: { GET: 'GetBucketAcl', PUT: 'PutBucketAcl' },
  bucketInfo: { GET: 'GetBucketInfo' },
  cors: { GET: 'GetBucketCors', PUT: 'PutBucketCors', DELETE: 'DeleteBucketCors' },
  delete: { POST: 'DeleteMultipleObjects' },
  tagging: { GET: 'GetBucketTags', PUT: 'PutBucketTags', DELETE: 'DeleteBucketTags' },
  uploads: { GET: 'ListMultipartUploads' },
  versions: { GET: 'ListObjectVersions' },
  live: { GET: 'ListLiveChannel' },
  worm: { GET: 'GetBucketWorm', POST: 'InitiateBucketWorm', DELETE: 'AbortBucketWorm' },
};
