/** Appends the body of one plain request to an object. */

import { MAX_OBJECT_SIZE, type ObjectTail } from '../tail.ts';
import { announcedLength, wholeBody } from './body.ts';
import { BodyAppender } from './body-appender.ts';
import type { Patience } from './body-reader.ts';
import { BodySegments } from './body-segments.ts';
import { bytesAllowed, checkAllowed, type UserContext } from './decisions.ts';
import { checkOwnKey, keyOfPath } from './keys.ts';
import { badRequest, Refusal } from './refusal.ts';
import { contentTypeOf } from './upload-metadata.ts';

/** One upload, or the question where an upload ended. */
export interface UploadContext extends UserContext {
  readonly request: Request;
  /** The path of the request below `basePath`. */
  readonly path: string;
  /** The greatest length of the object in bytes. */
  readonly maxUpload: number;
  /** The length of every segment in bytes. Without it, the length depends on the other uploads of this process. */
  readonly segmentSize?: number | undefined;
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
  const { request, maxUpload, patience, user, uploaded, segmentSize } = context;
  const object = objectOf(context);
  const announced = announcedLength(request, maxUpload);
  const allowed = await askUpload(context, object.key);
  const tail = await object.open();
  checkPosition(tail, readPosition(request));
  const most = Math.min(allowed, maxUpload - tail.position);
  announcedLength(request, most);
  const { clock } = patience;
  const body = new BodySegments(wholeBody(request, { most, ...patience }), { segmentSize, announced, clock });
  const end = await object.append(body);
  uploaded({ user, key: object.key, tail: end });
  return end;
}

function objectOf({ request, path, client, prefix, segmentSize }: UploadContext): BodyAppender {
  const key = checkOwnKey(keyOfPath(path, UPLOAD), prefix);
  return new BodyAppender({ client, key, segmentSize, contentType: contentTypeOf(request) ?? null });
}

/** Returns how many bytes the application allows. */
function askUpload({ user, request, allows }: UploadContext, key: string): Promise<number> {
  const size = announcedLength(request, MAX_OBJECT_SIZE);
  const contentType = contentTypeOf(request);
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

function readPosition({ url }: Request): number | undefined {
  const [text, ...more] = new URL(url).searchParams.getAll('position');
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && more.length === 0) return Number(text);
  throw badRequest('position must be one whole number');
}
