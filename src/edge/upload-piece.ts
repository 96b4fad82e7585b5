/**
 * One piece of a resumable upload: the body of a request is checked, and appended to the object. If the upload was deleted
 * while its first append was in flight, the object of this append is deleted, too.
 */
import { announcedLength, wholeBody } from './body.ts';
import { BodyAppender } from './body-appender.ts';
import { BodySegments } from './body-segments.ts';
import { bytesAllowed } from './decisions.ts';
import { type DeletingPlace, deleteObject } from './delete-object.ts';
import { type Digest, verified } from './digest.ts';
import { Refusal } from './refusal.ts';
import { SEGMENT } from './segment-memory.ts';
import type { UploadContext } from './upload.ts';
import { lateHeaders, ownerOf, type Upload, type UploadObject } from './upload-object.ts';
import { noUpload } from './upload-url.ts';

/** The request with the piece, and whether clients may delete their uploads. */
export interface PieceContext extends UploadContext {
  readonly settings: { readonly deletesUploads: boolean } & DeletingPlace;
}

/**
 * The longest time for a body with a checksum, in ms: 8 MiB take this time at 28 KB/s. The edge reserves the memory of
 * such a body before the first byte, so without this limit a few slow senders could keep out all others for hours.
 */
const HELD_TIME = 300_000;

/**
 * Appends the body of a request to an upload, and returns the upload as it is then.
 *
 * @throws Refusal with the tail if the body did not arrive as it was announced. The bytes that arrived are stored.
 *   The status is 404 if the upload was deleted in the meantime.
 */
export async function appendPiece(context: PieceContext, upload: Upload, digest?: Digest): Promise<Upload> {
  const { request, segmentSize } = context;
  const { object, claim, tail } = upload;
  const size = announcedLength(request, claim.length - tail.position);
  if (!digest && (size === 0 || !request.body)) return upload;
  const segments = await segmentsOf(context, upload, { size, digest });
  const appender = new BodyAppender({ ...object, tail, segmentSize, contentType: null, headers: lateHeaders(object) });
  const check = () => (tail.position === 0 ? refuseLate(context, object) : undefined);
  const end = await appender.append(segments).catch(async (error: unknown) => {
    // A Refusal is about the body. After an error of OSS, one more request to OSS would only take more time.
    if (error instanceof Refusal) await check();
    throw error;
  });
  await check();
  return { ...upload, tail: end };
}

/** Asks the application, and returns the segments of the body. The checksum of the body is checked, if it has one. */
async function segmentsOf(
  { request, user, allows, patience, segmentSize }: PieceContext,
  { object: { key }, claim, tail: { position } }: Upload,
  { size, digest }: { readonly size: number | undefined; readonly digest: Digest | undefined },
): Promise<BodySegments> {
  const left = claim.length - position;
  const question = { user, operation: 'upload', key, position, size, upload: claim.id } as const;
  const most = Math.min(left, await bytesAllowed(question, allows));
  announcedLength(request, most);
  const total = digest ? Math.min(patience.total, HELD_TIME) : patience.total;
  const body = untilExcess(wholeBody(request, { most, ...patience, total }), left);
  const { clock } = patience;
  const held = { most: Math.min(most, SEGMENT.held), announced: size, clock };
  const chunks = digest ? verified(body, digest, held) : body;
  return new BodySegments(chunks, { segmentSize, announced: size, clock });
}

/**
 * Refuses a first append if the upload was deleted while the append was in flight. Such an append creates the object
 * again, and the edge deletes this object, if it may delete at all. If a new upload has the same key already, the bytes
 * are in the object of the new upload.
 *
 * @throws Refusal (404) for such an append.
 */
async function refuseLate({ settings }: PieceContext, object: UploadObject): Promise<void> {
  const owner = await ownerOf(object);
  if (owner === 'upload') return;
  if (owner === 'late' && settings.deletesUploads) await deleteObject(object.key, settings);
  throw noUpload();
}

/**
 * Yields the chunks of a body, but holds the last chunk until the body has ended. So a body with more bytes than the
 * upload has never completes the upload.
 */
async function* untilExcess(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  left: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  let total = 0;
  let last: Uint8Array<ArrayBuffer> | undefined;
  for await (const chunk of chunks) {
    total += chunk.byteLength;
    if (total < left) yield chunk;
    // The reader uses its buffer again while it looks for the end.
    else last = chunk.slice();
  }
  if (last) yield last;
}
