// Finds the operation that a request asks for, by its method, its key, its query and the source of a copy.

import { OPERATIONS, type Operation } from './faults.ts';

/** The parts of a request that name an operation. */
interface Asked {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Headers;
}

/** Returns the operation that a request asks for. */
export function operationOf({ method, bucket, key, query, headers }: Asked): Operation {
  if (method === 'OPTIONS') return 'OptionObject';
  if (bucket === '') return method === 'GET' ? 'ListBuckets' : 'Unsupported';
  const name = actionName(method, key, query);
  if (name === 'PutObject' && headers.has('x-oss-copy-source')) return 'CopyObject';
  return isKnown(name) ? name : 'Unsupported';
}

function isKnown(name: string): name is Operation {
  return (OPERATIONS as readonly string[]).includes(name);
}

/** Returns OSS's name of an operation, such as `PutObjectTagging`, also if LocalOss does not implement it. */
export function actionName(method: string, key: string, query: ReadonlyMap<string, string>): string {
  const table = key === '' ? BUCKET_ACTIONS : OBJECT_ACTIONS;
  const resource = Object.keys(table).find((name) => query.has(name));
  if (resource !== undefined) return table[resource]?.[method] ?? `${method} ?${resource}`;
  if (key === '') return query.get('list-type') === '2' ? 'ListObjectsV2' : (BUCKETS[method] ?? `${method} /`);
  return OBJECTS[method] ?? `this ${method} request`;
}

type Actions = Readonly<Record<string, Readonly<Record<string, string>>>>;

const OBJECTS: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  HEAD: 'HeadObject',
  PUT: 'PutObject',
  POST: 'PostObject',
  DELETE: 'DeleteObject',
};

const BUCKETS: Readonly<Record<string, string>> = { GET: 'ListObjects', PUT: 'PutBucket', DELETE: 'DeleteBucket' };

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
};

const BUCKET_ACTIONS: Actions = {
  acl: { GET: 'GetBucketAcl', PUT: 'PutBucketAcl' },
  bucketInfo: { GET: 'GetBucketInfo' },
  cors: { GET: 'GetBucketCors', PUT: 'PutBucketCors', DELETE: 'DeleteBucketCors' },
  delete: { POST: 'DeleteMultipleObjects' },
  lifecycle: { GET: 'GetBucketLifecycle', PUT: 'PutBucketLifecycle', DELETE: 'DeleteBucketLifecycle' },
  location: { GET: 'GetBucketLocation' },
  logging: { GET: 'GetBucketLogging', PUT: 'PutBucketLogging', DELETE: 'DeleteBucketLogging' },
  policy: { GET: 'GetBucketPolicy', PUT: 'PutBucketPolicy', DELETE: 'DeleteBucketPolicy' },
  referer: { GET: 'GetBucketReferer', PUT: 'PutBucketReferer' },
  stat: { GET: 'GetBucketStat' },
  tagging: { GET: 'GetBucketTags', PUT: 'PutBucketTags', DELETE: 'DeleteBucketTags' },
  uploads: { GET: 'ListMultipartUploads' },
  versioning: { GET: 'GetBucketVersioning', PUT: 'PutBucketVersioning' },
  versions: { GET: 'ListObjectVersions' },
  website: { GET: 'GetBucketWebsite', PUT: 'PutBucketWebsite', DELETE: 'DeleteBucketWebsite' },
  worm: { GET: 'GetBucketWorm', POST: 'InitiateBucketWorm', DELETE: 'AbortBucketWorm' },
};
