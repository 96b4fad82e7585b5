/**
 * The object of a resumable upload. Its length is the offset, and its metadata names the upload that it belongs to. So
 * an object that was deleted, or that another upload created, is never mistaken for the object of this upload.
 */
import { ServiceError } from '../errors.ts';
import { kindOf } from '../failure-kind.ts';
import type { OssClient } from '../request/client.ts';
import type { ObjectTail } from '../tail.ts';
import { Refusal } from './refusal.ts';
import { noUpload, type UploadClaim } from './upload-url.ts';

/** The object of an upload, and the client that reaches it. */
export interface UploadObject {
  readonly client: OssClient;
  readonly key: string;
  /** The name of the upload. */
  readonly id: string;
}

/** An upload as it is now. */
export interface Upload {
  readonly object: UploadObject;
  readonly claim: UploadClaim;
  readonly tail: ObjectTail;
}

const ID_HEADER = 'x-oss-meta-upload';
/** The end of the upload's name in the metadata of a late object: an append in flight created it after the deletion. */
const LATE = '.late';

/**
 * Returns the headers of an append to position 0. OSS ignores them if the object exists. If the object was deleted
 * while the append was in flight, the append creates it again, and these headers mark the new object as late.
 */
export function lateHeaders({ id }: UploadObject): Record<string, string> {
  return { [ID_HEADER]: id + LATE };
}

/**
 * Returns which object is at the key now: the object of the upload, a late object (see {@link lateHeaders}), or another
 * one. A missing object counts as another one. @throws OssError
 */
export async function ownerOf(object: UploadObject): Promise<'upload' | 'late' | 'other'> {
  const id = (await look(object))?.id;
  if (id === object.id) return 'upload';
  return id === object.id + LATE ? 'late' : 'other';
}

/**
 * Creates the empty object of an upload. If the answer of OSS is lost, a look at the object shows what happened.
 *
 * @throws Refusal (409) if the key already has an object. OssError
 */
export async function createObject(object: UploadObject, contentType: string | undefined): Promise<void> {
  const { client, key, id } = object;
  const options = { position: 0, contentType: contentType ?? null, headers: { [ID_HEADER]: id } };
  for (let failures = 1; ; failures++) {
    const failure: unknown = await client.appendObject(key, '', options).catch((error: unknown) => error);
    // An empty append to the empty object of another upload succeeds too. So only the object's metadata counts.
    const found = await look(object);
    if (found?.id === id) return;
    if (found) throw new Refusal(409, 'ObjectExists', 'There is an object of this key already: use another key');
    if (!(failure instanceof Error) || kindOf(failure) !== 'ambiguous') throw failure;
    if (!(await client.retry.again(failures, { error: failure }))) throw failure;
  }
}

/**
 * Returns the end of an upload's object, which is the offset of the upload.
 *
 * @throws Refusal (404) if the object is gone, or belongs to another upload. OssError
 */
export async function findObject(object: UploadObject): Promise<ObjectTail> {
  const found = await look(object);
  if (found?.id !== object.id) throw noUpload();
  return found.tail;
}

interface Found {
  readonly id: string | null;
  readonly tail: ObjectTail;
}

async function look({ client, key }: UploadObject): Promise<Found | undefined> {
  try {
    const { headers, nextAppendPosition: position = -1, hashCrc64ecma } = await client.headObject(key);
    // An object that accepts no appends belongs to no upload.
    const id = position < 0 ? null : headers.get(ID_HEADER);
    return { id, tail: hashCrc64ecma === undefined ? { position } : { position, hashCrc64ecma } };
  } catch (error) {
    if (error instanceof ServiceError && error.status === 404) return undefined;
    throw error;
  }
}
