// Lists the objects of a bucket, in pages, as a whole or by folders.
// https://help.aliyun.com/document_detail/187544 (ListObjectsV2), 31965 (ListObjects)

import { authorize } from './authorize.ts';
import type { Call } from './call.ts';
import { isoSeconds } from './encoding.ts';
import { invalidArgument } from './errors.ts';
import type { StoredObject } from './objects.ts';
import { OWNER, type Reply, xmlReply } from './reply.ts';
import type { Elements } from './xml.ts';

/** What a client asks for. */
interface Question {
  readonly prefix: string;
  readonly delimiter: string;
  /** Only names after this one are listed. */
  readonly after: string;
  readonly most: number;
}

/** One page of names. A name that ends with the delimiter stands for all keys that begin with it. */
interface Page {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  /** The last name of the page if more names follow. */
  readonly next: string | undefined;
}

const MOST = 1000;

/** Performs ListObjects, the first version. @throws {Refusal} */
export function listObjects(call: Call): Reply {
  const { values } = call.query;
  const marker = values.get('marker') ?? '';
  const { page, common } = list(call, marker);
  const next: Elements = page.next === undefined ? {} : { NextMarker: common.encode(page.next) };
  return xmlReply('ListBucketResult', {
    ...common.head,
    Marker: common.encode(marker),
    ...next,
    Contents: page.keys.map((key) => ({ ...contents(call, key, common.encode), Owner: OWNER })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: common.encode(prefix) })),
  });
}

/** Performs ListObjectsV2. @throws {Refusal} */
export function listObjectsV2(call: Call): Reply {
  const { values } = call.query;
  const token = values.get('continuation-token');
  const { page, common } = list(call, token === undefined ? (values.get('start-after') ?? '') : fromToken(token));
  const owner: Elements = values.get('fetch-owner') === 'true' ? { Owner: OWNER } : {};
  return xmlReply('ListBucketResult', {
    ...common.head,
    StartAfter: common.encode(values.get('start-after') ?? ''),
    ...(token === undefined ? {} : { ContinuationToken: token }),
    ...(page.next === undefined ? {} : { NextContinuationToken: toToken(page.next) }),
    KeyCount: String(page.keys.length + page.prefixes.length),
    Contents: page.keys.map((key) => ({ ...contents(call, key, common.encode), ...owner })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: common.encode(prefix) })),
  });
}

/** Performs ListObjectVersions. The buckets of LocalOss keep one version of each object, as OSS's do by default. */
export function listObjectVersions(call: Call): Reply {
  const marker = call.query.values.get('key-marker') ?? '';
  const { page, common } = list(call, marker);
  const next: Elements = page.next === undefined ? {} : { NextKeyMarker: common.encode(page.next) };
  const facts = { VersionId: 'null', IsLatest: 'true', Owner: OWNER };
  return xmlReply('ListVersionsResult', {
    ...common.head,
    KeyMarker: common.encode(marker),
    ...next,
    Version: page.keys.map((key) => ({ ...contents(call, key, common.encode), ...facts })),
    CommonPrefixes: page.prefixes.map((prefix) => ({ Prefix: common.encode(prefix) })),
  });
}

/** How a document writes its keys, and the elements at its beginning. */
interface Common {
  readonly encode: (text: string) => string;
  readonly head: Elements;
}

/** Does the part of the work that ListObjects and ListObjectsV2 share. */
function list(call: Call, after: string): { readonly page: Page; readonly common: Common } {
  authorize(call, 'oss:ListObjects');
  const { values } = call.query;
  const question: Question = {
    prefix: values.get('prefix') ?? '',
    delimiter: values.get('delimiter') ?? '',
    after,
    most: readMost(values.get('max-keys')),
  };
  const { encode, head: coding } = readEncoding(values.get('encoding-type'));
  const page = pageOf([...call.bucket.objects.keys()], question);
  const head: Elements = {
    Name: call.bucket.name,
    Prefix: encode(question.prefix),
    MaxKeys: String(question.most),
    Delimiter: encode(question.delimiter),
    ...coding,
    IsTruncated: String(page.next !== undefined),
  };
  return { page, common: { encode, head } };
}

/** Reads the length of a page: from 1 to 1,000, by default 100. @throws {Refusal} */
export function readMost(text: string | undefined, name = 'max-keys'): number {
  if (text === undefined) return 100;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= MOST) return Number(text);
  throw invalidArgument(name, text, `${name} must be from 1 to ${MOST}.`);
}

/** Returns how a document writes its keys. @throws {Refusal} */
export function readEncoding(type: string | undefined): Common {
  if (type === undefined || type === '') return { encode: (text) => text, head: {} };
  if (type === 'url') return { encode: encodeURIComponent, head: { EncodingType: type } };
  throw invalidArgument('encoding-type', type, 'encoding-type must be url.');
}

/** Returns the names of one page, in the order of their bytes in UTF-8. */
function pageOf(keys: readonly string[], { prefix, delimiter, after, most }: Question): Page {
  const names = new Set<string>();
  for (const key of keys.filter((one) => one.startsWith(prefix))) {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    names.add(end < 0 ? key : key.slice(0, end + delimiter.length));
  }
  const following = [...names].filter((name) => compareBytes(name, after) > 0).sort(compareBytes);
  const page = following.slice(0, most);
  const isPrefix = (name: string) => delimiter !== '' && name.slice(prefix.length).endsWith(delimiter);
  return {
    keys: page.filter((name) => !isPrefix(name)),
    prefixes: page.filter(isPrefix),
    next: following.length > most ? page.at(-1) : undefined,
  };
}

/**
 * Compares the bytes of two texts in UTF-8. JavaScript compares UTF-16, which orders emoji before some other letters. It
 * is called about 100,000 times for each page of a bucket with 10,000 objects.
 */
function compareBytes(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (a !== b) return inOrder(a) - inOrder(b);
  }
  return one.length - other.length;
}

/** Moves the surrogates of UTF-16, 0xD800 to 0xDFFF, behind all other units, because they stand for larger characters. */
function inOrder(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function contents({ bucket }: Call, key: string, encode: (text: string) => string): Elements {
  const object = bucket.objects.get(key) as StoredObject;
  return {
    Key: encode(key),
    LastModified: isoSeconds(object.lastModified),
    ETag: object.etag,
    Type: object.type,
    Size: String(object.length),
    StorageClass: object.headers['x-oss-storage-class'] ?? 'Standard',
  };
}

function toToken(name: string): string {
  return btoa(encodeURIComponent(name));
}

function fromToken(token: string): string {
  try {
    return decodeURIComponent(atob(token));
  } catch {
    throw invalidArgument('continuation-token', token, 'The continuation token is not one of this bucket.');
  }
}
