/**
 * Resumable uploads, whatever standard the client speaks: how one is created, found, continued and deleted. The edge
 * stores only the object. The rest of an upload's state is in its URL.
 */
import { bytesAllowed, checkAllowed } from './decisions.ts';
import { declareLength, type KeepLength, tooLong, withKeptLength } from './deferred-length.ts';
import { deleteObject } from './delete-object.ts';
import type { Digest } from './digest.ts';
import { checkOwnKey, keyOfPath } from './keys.ts';
import { Refusal, toRefusal } from './refusal.ts';
import { UPLOAD } from './upload.ts';
import type { UploadDescription } from './upload-metadata.ts';
import { createObject, findObject, type Upload, type UploadObject } from './upload-object.ts';
import { appendPiece, type PieceContext } from './upload-piece.ts';
import { noUpload, readUploadUrl, toBase64Url, uploadQuery } from './upload-url.ts';

/** A file for which a client wants to create an upload. */
export interface NewUpload {
  /** The user that `authenticate` named. */
  readonly user: string;
  /** The beginning of the user's keys. The key of the upload must begin with it. */
  readonly prefix: string;
  /** A name that no other upload has. */
  readonly id: string;
  /** The name of the file, if the client gave one. It can contain anything. */
  readonly name?: string | undefined;
  /** The media type of the file, if the client gave one. */
  readonly contentType?: string | undefined;
  /** The length of the file in bytes. It is undefined if the client does not know it yet. */
  readonly length: number | undefined;
  /** The values of `Upload-Metadata` that are text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What the routes of resumable uploads know besides the user. */
export interface ResumableContext extends PieceContext {
  readonly settings: {
    readonly uploadSecrets: readonly string[];
    /** How long an upload's URL is valid, in seconds. */
    readonly uploadLife: number;
    readonly basePath?: string | undefined;
    readonly keyFor: (upload: NewUpload) => string | Promise<string>;
    readonly keepLength?: KeepLength | undefined;
  } & PieceContext['settings'];
}

/** What a client says of a new upload. */
export interface Creation {
  /** The length in bytes, or undefined if it is deferred. */
  readonly length: number | undefined;
  readonly description: UploadDescription;
  /** The `Upload-Metadata` as it was sent. */
  readonly metadata: string;
}

/** Returns whether an upload has all its bytes. */
export function isComplete({ claim, tail }: Pick<Upload, 'claim' | 'tail'>): boolean {
  return !claim.isDeferred && tail.position === claim.length;
}

/**
 * Creates an upload. The key is in the path, or the application chooses it.
 *
 * @throws Refusal: 403 if the application does not allow it, 409 if the key has an object, 413 if the file is too long.
 */
export async function createUpload(context: ResumableContext, creation: Creation): Promise<Upload> {
  const { user, client, allows, maxUpload, settings, patience } = context;
  const { length, description, metadata } = creation;
  if (length !== undefined && length > maxUpload) throw tooLong(maxUpload);
  const id = toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
  const key = await keyOf(context, { id, length, ...description });
  const { contentType } = description;
  const question = { user, operation: 'createUpload', key, size: length, contentType, upload: id } as const;
  const most = Math.min(maxUpload, await bytesAllowed(question, allows));
  if (length !== undefined && length > most) throw tooLong(most);
  const object = { client, key, id };
  await createObject(object, contentType);
  const expires = Math.floor(patience.clock.now() / 1000) + settings.uploadLife;
  const claim = { id, length: length ?? most, expires, metadata, isDeferred: length === undefined };
  const upload = { object, claim, tail: { position: 0, hashCrc64ecma: '0' } };
  if (length === 0) report(context, upload);
  return upload;
}

/**
 * Returns the upload of a URL as it is now.
 *
 * @throws Refusal: 404 if there is no such upload of this user, 410 if it has expired.
 */
export async function findUpload(context: ResumableContext): Promise<Upload> {
  const { user, allows } = context;
  const { object, claim } = await claimOf(context);
  await checkAllowed({ user, operation: 'headObject', key: object.key, upload: claim.id }, allows);
  const upload = { object, claim, tail: await findObject(object) };
  const found = claim.isDeferred ? await withKeptLength(context, upload) : upload;
  // Somebody else has appended to the object, so the object has other bytes than the client sends.
  if (found.tail.position > found.claim.length) throw noUpload();
  return found;
}

/**
 * Returns the upload of a URL for a client that asks for its state. If the upload is complete, this function reports it
 * to the application again, because the edge may have been killed between the last append and the first report.
 */
export async function inspectUpload(context: ResumableContext): Promise<Upload> {
  const upload = await findUpload(context);
  if (isComplete(upload)) report(context, upload);
  return upload;
}

/** What the headers of a request say about the upload. */
export interface Continuation {
  /** The length of the whole upload in bytes, if the request gives it. */
  readonly length?: number | undefined;
  readonly digest?: Digest | undefined;
  /** True if the upload ends where the body ends. */
  readonly isLast?: boolean;
}

/**
 * Continues an upload with a request, and returns its new state. If the upload is now complete, the application is
 * informed with `onuploaded`.
 *
 * @throws Refusal: 400 if the lengths contradict each other, 413 if the upload becomes too long.
 */
export async function continueUpload(
  context: ResumableContext,
  before: Upload,
  { length, digest, isLast = false }: Continuation,
): Promise<Upload> {
  const declared = length === undefined ? before : await declareLength(context, before, length);
  const appended = await appendPiece(context, declared, digest);
  const after = isLast ? await declareLength(context, appended, appended.tail.position) : appended;
  if (isComplete(after) && !isComplete(before)) report(context, after);
  return after;
}

/** The codes of a body that did not arrive completely, although nothing is wrong with the upload. */
const INTERRUPTED = ['RequestTimeout', 'IncompleteBody', 'SourceError'];

/**
 * Runs `work` on an upload. If it fails, the refusal names the true offset, as both standards demand. An interrupted
 * body is answered with 503, because clients give up after most answers from 400 to 499, and may continue here.
 *
 * @throws Refusal with `headers`, and with the header `Upload-Offset` if OSS answers. The status is 404 if the upload was
 *   deleted meanwhile.
 */
export async function withOffset<T>(
  upload: Upload,
  work: () => Promise<T>,
  headers: Readonly<Record<string, string>> = {},
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = toRefusal(error);
    const refusal = INTERRUPTED.includes(reason.code) ? reason.withStatus(503) : reason;
    // A store that has just failed would make the client wait for minutes once more.
    const offset = refusal.status === 502 ? {} : await offsetOf(upload.object);
    const { isDeferred, length } = upload.claim;
    const facts = isDeferred && refusal.status === 413 ? { maxSize: length } : {};
    throw refusal.with(facts, { ...headers, ...offset });
  }
}

/** Returns the header with the offset of an upload, if OSS can be asked. @throws Refusal (404) if the upload is gone. */
async function offsetOf(object: UploadObject): Promise<Record<string, string>> {
  try {
    return { 'upload-offset': String((await findObject(object)).position) };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return {};
  }
}

/**
 * Deletes the object of an upload.
 *
 * @throws Refusal (403) if the deployer or the application does not allow it, 404 if there is no such upload.
 */
export async function deleteUpload(context: ResumableContext): Promise<void> {
  const { user, allows, settings } = context;
  const { object, claim } = await claimOf(context);
  if (!settings.deletesUploads) throw new Refusal(403, 'NoDeletion', 'This service deletes no uploads');
  await checkAllowed({ user, operation: 'deleteUpload', key: object.key, upload: claim.id }, allows);
  await findObject(object);
  await deleteObject(object.key, settings);
}

/**
 * Returns the reference of an upload. Without `basePath`, it is relative to the URL of the request. So it is right under
 * every path where the handler is mounted, if the end of this URL is the same for the client and for the handler.
 */
export async function locationOf({ path, user, settings }: ResumableContext, upload: Upload): Promise<string> {
  const { key } = upload.object;
  const query = await uploadQuery(upload.claim, { user, key }, settings.uploadSecrets);
  const name = encodeURIComponent(key) + query;
  if (settings.basePath !== undefined) return settings.basePath + UPLOAD + name;
  if (`${path}/` === UPLOAD) return UPLOAD.slice(1) + name;
  return path === UPLOAD ? name : query;
}

async function claimOf(context: ResumableContext): Promise<Pick<Upload, 'object' | 'claim'>> {
  const { request, path, user, prefix, client, settings, patience } = context;
  const key = keyOfPath(path, UPLOAD);
  const now = patience.clock.now();
  const claim = await readUploadUrl(request, { user, key }, { secrets: settings.uploadSecrets, now });
  // The application may have moved the user to another prefix since the upload was created.
  if (!key.startsWith(prefix)) throw noUpload();
  return { claim, object: { client, key, id: claim.id } };
}

async function keyOf(context: ResumableContext, described: Omit<NewUpload, 'user' | 'prefix'>): Promise<string> {
  const { path, user, prefix, settings } = context;
  const written = keyOfPath(path, UPLOAD);
  return checkOwnKey(written || (await settings.keyFor({ user, prefix, ...described })), prefix);
}

function report({ user, uploaded }: ResumableContext, { object, claim, tail }: Upload): void {
  uploaded({ user, key: object.key, tail, upload: claim.id });
}
