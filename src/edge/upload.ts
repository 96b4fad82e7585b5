/**
 * Appends the body of a request to an object. This file decides how much is kept of a body that does not arrive
 * completely.
 */

import { AppendableObject } from '../append/object.ts';
import { OssError } from '../errors.ts';
import { MAX_OBJECT_SIZE, type ObjectTail } from '../tail.ts';
import { announcedLength, wholeBody } from './body.ts';
import type { Patience } from './body-reader.ts';
import { bytesAllowed, checkAllowed, type UserContext } from './decisions.ts';
import { checkOwnKey, keyOfPath } from './keys.ts';
import { badRequest, Refusal } from './refusal.ts';

/** One upload, or the question where an upload ended. */
export interface UploadContext extends UserContext {
  readonly request: Request;
  /** The path of the request below `basePath`. */
  readonly path: string;
  /** The greatest length of the object in bytes. */
  readonly maxUpload: number;
  readonly segmentSize: number;
  readonly patience: Patience;
  /** Tells the application of a complete upload. */
  readonly uploaded: (upload: EdgeUpload) => void;
}

/** A complete upload. */
export interface EdgeUpload {
  readonly user: string;
  readonly key: string;
  /** The end of the object after this upload. */
  readonly tail: ObjectTail;
  /** The name of a resumable upload, as `allows` got it. A plain upload has none. */
  readonly upload?: string | undefined;
}

/** The beginning of the paths of uploads. The encoded key follows. */
export const UPLOAD = '/upload/';

/** Answers `GET /upload/{key}` with the end of the object. @throws Refusal, OssError */
export async function tailOf(context: UploadContext): Promise<ObjectTail> {
  const { user, allows } = context;
  const object = objectOf(context);
  await checkAllowed({ user, operation: 'headObject', key: object.key }, allows);
  return object.open();
}

/**
 * Answers `POST /upload/{key}`: appends a body of any length. A client whose connection broke asks {@link tailOf}, and
 * sends the rest with `?position=`, which must then be equal to that tail.
 *
 * @throws Refusal or OssError, with the tail and with the number of bytes of this body that are stored.
 */
export async function upload(context: UploadContext): Promise<ObjectTail> {
  const { request, maxUpload, patience, user, uploaded } = context;
  const object = objectOf(context);
  announcedLength(request, maxUpload);
  const allowed = await askUpload(context, object.key);
  const tail = await object.open();
  checkPosition(tail, readPosition(request));
  const most = Math.min(allowed, maxUpload - tail.position);
  announcedLength(request, most);
  const end = await appendWhole(object, tail, wholeBody(request, { most, ...patience }));
  uploaded({ user, key: object.key, tail: end });
  return end;
}

function objectOf({ request, path, client, prefix, segmentSize }: UploadContext): AppendableObject {
  const key = checkOwnKey(keyOfPath(path, UPLOAD), prefix);
  const contentType = request.headers.get('content-type');
  // Segments are always full. Otherwise a slow sender would cost one subrequest for every second.
  return new AppendableObject(client, key, { segmentSize, flushAfter: Number.POSITIVE_INFINITY, contentType });
}

/** Returns how many bytes the application allows. */
function askUpload({ user, request, allows }: UploadContext, key: string): Promise<number> {
  const size = announcedLength(request, MAX_OBJECT_SIZE);
  const contentType = request.headers.get('content-type') ?? undefined;
  return bytesAllowed({ user, operation: 'upload', key, position: readPosition(request), size, contentType }, allows);
}

/**
 * The object may have grown since the client asked: a request that the client gave up may still have been carried out.
 */
function checkPosition(tail: ObjectTail, expected: number | undefined): void {
  if (expected === undefined || expected === tail.position) return;
  const cause = 'another writer was here, or an earlier upload of yours is still finishing';
  const message = `The object does not end there: ${cause}. Ask for the tail and continue there`;
  throw new Refusal(409, 'PositionNotEqualToLength', message, { tail, loaded: 0 });
}

const BROKEN = 'The body ended early: continue at the tail';

function readPosition({ url }: Request): number | undefined {
  const [text, ...more] = new URL(url).searchParams.getAll('position');
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && more.length === 0) return Number(text);
  throw badRequest('position must be one whole number');
}

/**
 * Appends a body. If the body breaks off or is refused while it is read, the bytes before are stored first, and the
 * refusal has the tail.
 *
 * @throws Refusal, OssError
 */
export async function appendWhole(
  object: AppendableObject,
  { position }: ObjectTail,
  chunks: AsyncIterable<Uint8Array>,
): Promise<ObjectTail> {
  let refusal: Refusal | undefined;
  async function* untilRefused(): AsyncGenerator<Uint8Array, void, void> {
    let some = false;
    try {
      for await (const chunk of chunks) {
        yield chunk;
        some = true;
      }
    } catch (error) {
      refusal = error instanceof Refusal ? error : new Refusal(400, 'SourceError', BROKEN);
      // Without any bytes, the object must not be created.
      if (!some) throw refusal;
    }
  }
  const work = object.append(untilRefused());
  await work.catch((error: unknown) => {
    if (!refusal || !(error instanceof OssError) || error.code !== 'SourceError') throw error;
  });
  const { tail } = object;
  if (refusal) throw refusal.with({ tail, loaded: (tail?.position ?? position) - position });
  return work;
}
