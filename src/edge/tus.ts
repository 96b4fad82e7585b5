/**
 * The protocol tus 1.0: core, creation, creation-with-upload, expiration, checksum, and termination where the deployer
 * allows it.
 *
 * @see https://tus.io/protocols/resumable-upload
 */
import { CHECKSUMS, readUploadChecksum } from './digest.ts';
import { badRequest, PRIVATE, Refusal } from './refusal.ts';
import {
  appendTo,
  createUpload,
  deleteUpload,
  findUpload,
  isComplete,
  locationOf,
  type ResumableContext,
  tooLong,
  type Upload,
  withOffset,
} from './resumable-upload.ts';
import { mediaTypeOf, PIECE, requireNumber, TUS_VERSION } from './upload-headers.ts';
import { readMetadata } from './upload-metadata.ts';

/** A request of a method in tus. `X-HTTP-Method-Override` may name another method than the request has. */
export interface TusRequest extends ResumableContext {
  readonly method: string;
}

/** The headers of the answer to `OPTIONS`. */
export function tusOptions(maxUpload: number, deletesUploads: boolean): Record<string, string> {
  return {
    'tus-resumable': TUS_VERSION,
    'tus-version': TUS_VERSION,
    'tus-extension': `creation,creation-with-upload,expiration,checksum${deletesUploads ? ',termination' : ''}`,
    'tus-max-size': String(maxUpload),
    'tus-checksum-algorithm': CHECKSUMS,
  };
}

/** Answers a request of a client that speaks tus. @throws Refusal, OssError */
export async function answerTus(context: TusRequest): Promise<Response> {
  if (context.request.headers.get('tus-resumable') !== TUS_VERSION) throw wrongVersion();
  const answers: Readonly<Record<string, (context: TusRequest) => Promise<Response>>> = { POST, HEAD, PATCH, DELETE };
  const answer = answers[context.method];
  if (!answer)
    throw new Refusal(405, 'NoSuchMethod', 'tus has no such method', {}, { allow: 'POST, HEAD, PATCH, DELETE' });
  return answer(context);
}

async function POST(context: TusRequest): Promise<Response> {
  const { headers } = context.request;
  if (headers.has('upload-concat')) throw badRequest('This service has no concatenation');
  if (headers.has('upload-defer-length'))
    throw badRequest('This service needs Upload-Length when an upload is created');
  const hasBody = isPiece(context);
  const metadata = headers.get('upload-metadata') ?? '';
  const creation = {
    length: requireNumber(context.request, 'Upload-Length'),
    description: readMetadata(metadata),
    metadata,
  };
  if (hasBody && Number(headers.get('content-length')) > creation.length) throw tooLong(creation.length);
  const digest = hasBody ? readUploadChecksum(context.request) : undefined;
  const created = await createUpload(context, creation);
  const location = await locationOf(context, created);
  if (!hasBody) return answer(201, { location, ...expiresOf(created) });
  // The upload exists, so a refusal of the body must say where.
  const fail = (error: unknown) => {
    throw error instanceof Refusal ? error.with({}, { location, ...expiresOf(created) }) : error;
  };
  const upload = await withOffset(created, () => appendTo(context, created, digest)).catch(fail);
  return answer(201, { location, ...expiresOf(upload), ...offsetOf(upload) });
}

async function HEAD(context: TusRequest): Promise<Response> {
  const upload = await findUpload(context);
  const { length, metadata } = upload.claim;
  const described: Record<string, string> = metadata ? { 'upload-metadata': metadata } : {};
  return answer(200, { ...offsetOf(upload), 'upload-length': String(length), ...described, ...expiresOf(upload) });
}

async function PATCH(context: TusRequest): Promise<Response> {
  const { request } = context;
  if (mediaTypeOf(request) !== PIECE.tus) throw wrongType();
  const offset = requireNumber(request, 'Upload-Offset');
  const digest = readUploadChecksum(request);
  const upload = await findUpload(context);
  const after = await withOffset(upload, () => {
    if (offset !== upload.tail.position) throw new Refusal(409, 'OffsetMismatch', 'The upload has another offset');
    return appendTo(context, upload, digest);
  });
  return answer(204, { ...offsetOf(after), ...expiresOf(after) });
}

async function DELETE(context: TusRequest): Promise<Response> {
  await deleteUpload(context);
  return answer(204, {});
}

/** Returns whether the body of a creation is a piece of the upload. @throws Refusal (415) for another body. */
function isPiece({ request }: TusRequest): boolean {
  if (mediaTypeOf(request) === PIECE.tus) return true;
  if (Number(request.headers.get('content-length')) > 0) throw wrongType();
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

function wrongType(): Refusal {
  return new Refusal(415, 'WrongContentType', `The Content-Type of a piece must be ${PIECE.tus}`);
}

function answer(status: number, headers: Record<string, string>): Response {
  return new Response(null, { status, headers: { ...PRIVATE, ...headers } });
}
