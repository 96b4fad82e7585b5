/**
 * The protocol tus 1.0: core, creation, creation-with-upload, expiration, checksum, and termination if the deployer
 * allows it.
 *
 * @see https://tus.io/protocols/resumable-upload
 */
import { tooLong } from './deferred-length.ts';
import { CHECKSUMS, readUploadChecksum } from './digest.ts';
import { badRequest, PRIVATE, Refusal } from './refusal.ts';
import {
  continueUpload,
  createUpload,
  deleteUpload,
  findUpload,
  inspectUpload,
  isComplete,
  locationOf,
  type ResumableContext,
  withOffset,
} from './resumable-upload.ts';
import { mediaTypeOf, noSuchMethod, PIECE, requireNumber, TUS_VERSION, wrongType } from './upload-headers.ts';
import { readMetadata } from './upload-metadata.ts';
import type { Upload } from './upload-object.ts';

/** A request with one of the methods of tus. `X-HTTP-Method-Override` may name another method than the request has. */
export interface TusRequest extends ResumableContext {
  readonly method: string;
}

/** Returns the headers of the answer to `OPTIONS`. */
export function tusOptions(maxUpload: number, settings: TusRequest['settings']): Record<string, string> {
  const optional = `${settings.keepLength ? ',creation-defer-length' : ''}${settings.deletesUploads ? ',termination' : ''}`;
  return {
    'tus-resumable': TUS_VERSION,
    'tus-version': TUS_VERSION,
    'tus-extension': `creation,creation-with-upload,expiration,checksum${optional}`,
    'tus-max-size': String(maxUpload),
    'tus-checksum-algorithm': CHECKSUMS,
  };
}

/** Answers a request of a client that speaks tus. @throws Refusal, OssError */
export async function answerTus(context: TusRequest): Promise<Response> {
  if (context.request.headers.get('tus-resumable') !== TUS_VERSION) throw wrongVersion();
  const answers: Readonly<Record<string, (context: TusRequest) => Promise<Response>>> = { POST, HEAD, PATCH, DELETE };
  const answer = answers[context.method];
  if (!answer) throw noSuchMethod('POST, HEAD, PATCH, DELETE');
  return answer(context);
}

async function POST(context: TusRequest): Promise<Response> {
  const { headers } = context.request;
  if (headers.has('upload-concat')) throw badRequest('This service has no concatenation');
  const hasBody = isPiece(context);
  const metadata = headers.get('upload-metadata') ?? '';
  const creation = {
    length: lengthOf(context),
    description: readMetadata(metadata),
    metadata,
  };
  const most = creation.length ?? context.maxUpload;
  if (hasBody && Number(headers.get('content-length')) > most) throw tooLong(most);
  const digest = hasBody ? readUploadChecksum(context.request) : undefined;
  const created = await createUpload(context, creation);
  const location = await locationOf(context, created);
  const where = { location, ...expiresOf(created) };
  if (!hasBody) return answer(201, where);
  // The upload exists, so a refusal of the body must contain its Location.
  const upload = await withOffset(created, () => continueUpload(context, created, { digest }), where);
  return answer(201, { location, ...expiresOf(upload), ...offsetOf(upload) });
}

async function HEAD(context: TusRequest): Promise<Response> {
  const upload = await inspectUpload(context);
  const { length, isDeferred, metadata } = upload.claim;
  const known: Record<string, string> = isDeferred
    ? { 'upload-defer-length': '1' }
    : { 'upload-length': String(length) };
  const described: Record<string, string> = metadata ? { 'upload-metadata': metadata } : {};
  return answer(200, { ...offsetOf(upload), ...known, ...described, ...expiresOf(upload) });
}

async function PATCH(context: TusRequest): Promise<Response> {
  const { request } = context;
  if (mediaTypeOf(request) !== PIECE.tus) throw wrongType(PIECE.tus);
  const offset = requireNumber(request, 'Upload-Offset');
  const length = request.headers.has('upload-length') ? requireNumber(request, 'Upload-Length') : undefined;
  const digest = readUploadChecksum(request);
  const upload = await findUpload(context);
  const after = await withOffset(upload, () => {
    if (offset !== upload.tail.position)
      throw new Refusal(409, 'OffsetMismatch', 'The upload has another offset: ask for it with HEAD');
    return continueUpload(context, upload, { length, digest });
  });
  return answer(204, { ...offsetOf(after), ...expiresOf(after) });
}

async function DELETE(context: TusRequest): Promise<Response> {
  await deleteUpload(context);
  return answer(204, {});
}

/**
 * Returns the length that a creation gives, or undefined if the client gives it later.
 *
 * @throws Refusal (400) for a deferred length if the edge cannot keep it, and for both headers together.
 */
function lengthOf({ request, settings }: TusRequest): number | undefined {
  const deferred = request.headers.get('upload-defer-length');
  if (deferred === null) return requireNumber(request, 'Upload-Length');
  if (!settings.keepLength) throw badRequest('This service needs Upload-Length at the creation');
  if (deferred === '1' && !request.headers.has('upload-length')) return undefined;
  throw badRequest('Upload-Defer-Length must be 1, and Upload-Length must then be absent');
}

/** Returns whether the body of a creation is a piece of the upload. @throws Refusal (415) for another body. */
function isPiece({ request }: TusRequest): boolean {
  if (mediaTypeOf(request) === PIECE.tus) return true;
  if (Number(request.headers.get('content-length')) > 0) throw wrongType(PIECE.tus);
  return false;
}

function offsetOf({ tail }: Upload): Record<string, string> {
  return { 'upload-offset': String(tail.position) };
}

/** A complete upload stays, so only the URL of an unfinished one is said to expire. */
function expiresOf(upload: Upload): Record<string, string> {
  return isComplete(upload) ? {} : { 'upload-expires': new Date(upload.claim.expires * 1000).toUTCString() };
}

function wrongVersion(): Refusal {
  const message = `This service speaks tus ${TUS_VERSION}`;
  return new Refusal(412, 'WrongVersion', message, {}, { 'tus-version': TUS_VERSION });
}

function answer(status: number, headers: Record<string, string>): Response {
  return new Response(null, { status, headers: { ...PRIVATE, ...headers } });
}
