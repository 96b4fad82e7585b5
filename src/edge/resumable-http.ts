/**
 * Resumable uploads as the IETF is standardising them: draft 12, interop version 8.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/12/
 */
import { inconsistentLength, PROBLEMS } from './deferred-length.ts';
import { readContentDigest } from './digest.ts';
import { badRequest, json, PRIVATE, Refusal } from './refusal.ts';
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
import { mediaTypeOf, noSuchMethod, PIECE, readComplete, readInteger, wrongType } from './upload-headers.ts';
import { readDisposition } from './upload-metadata.ts';
import type { Upload } from './upload-object.ts';
import { isUploadUrl } from './upload-url.ts';

/** A request of the draft, and a way to send a response before the final one. */
export interface ResumableRequest extends ResumableContext {
  readonly method: string;
  /** Sends an interim response. It is undefined if the platform cannot do that. */
  readonly interim: ((status: number, headers: Readonly<Record<string, string>>) => void) | undefined;
}

/** The header in which both sides name their version of the draft, and the value for draft 12. */
const INTEROP = { name: 'upload-draft-interop-version', version: 8 };

/** Tells the client that the answer is about the upload, and not the result of the whole upload. */
const UNFINISHED = { 'upload-complete': '?0' };

/** Returns the value of `Upload-Limit`. `life` is in seconds. */
export function limitsOf(maxUpload: number, life: number): Record<string, string> {
  return { 'upload-limit': `max-size=${maxUpload}, max-age=${Math.max(0, life)}` };
}

/** Answers a request of a client that speaks the draft. @throws Refusal, OssError */
export async function answerResumable(context: ResumableRequest): Promise<Response> {
  const methods = isUploadUrl(context.request) ? METHODS : { ...METHODS, POST: create };
  try {
    const answer = methods[context.method];
    if (!answer) throw noSuchMethod(ALLOWED);
    return await answer(context);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // The application may have allowed fewer bytes than the edge does.
    const { maxSize = context.maxUpload }: { readonly maxSize?: number } = error.facts;
    const limits = error.status === 413 ? limitsOf(maxSize, context.settings.uploadLife) : {};
    throw error.with({}, { ...UNFINISHED, ...limits });
  }
}

/**
 * Returns the length that a request gives for the whole upload, in bytes. It is undefined if the request gives none.
 *
 * @throws Refusal (400) if two parts of the request give different lengths.
 */
function lengthOf(request: Request, offset = 0): number | undefined {
  const given = readInteger(request, 'upload-length');
  const size = readInteger(request, 'content-length');
  const isLast = readComplete(request) === true;
  const end = size === undefined ? undefined : offset + size;
  if (given !== undefined && end !== undefined && (isLast ? end !== given : end > given)) throw inconsistentLength();
  return given ?? (isLast ? end : undefined);
}

const ALLOWED = 'GET, HEAD, PATCH, DELETE';
const METHODS: Readonly<Record<string, (context: ResumableRequest) => Promise<Response>>> = {
  ...{ HEAD: retrieve, GET: retrieve, PATCH: append, DELETE: cancel },
};

/** Returns whether a creation gives the length of the whole upload. */
export function givesLength(request: Request): boolean {
  return readInteger(request, 'upload-length') !== undefined || request.headers.has('content-length');
}

async function create(context: ResumableRequest): Promise<Response> {
  const { request, interim, settings } = context;
  const length = lengthOf(request);
  if (length === undefined && !settings.keepLength)
    throw new Refusal(411, 'LengthRequired', 'This service needs Upload-Length at the creation');
  const digest = readContentDigest(request);
  const created = await createUpload(context, { length, description: readDisposition(request), metadata: '' });
  const where = { location: await locationOf(context, created) };
  // The draft allows the status 104 only if the client has the same version, because the RFC may use another status.
  const { name, version } = INTEROP;
  if (readInteger(request, name) === version)
    interim?.(104, { ...where, ...remaining(context, created), [name]: String(version) });
  const isLast = readComplete(request) === true;
  const upload = await withOffset(created, () => continueUpload(context, created, { digest, isLast }), where);
  return result(context, upload, { status: 201, headers: where });
}

async function retrieve(context: ResumableRequest): Promise<Response> {
  const upload = await inspectUpload(context);
  return new Response(null, { status: 204, headers: { ...stateOf(context, upload), ...lengthHeader(upload) } });
}

async function append(context: ResumableRequest): Promise<Response> {
  const { request } = context;
  if (mediaTypeOf(request) !== PIECE.ietf) throw wrongType(PIECE.ietf);
  const offset = readInteger(request, 'upload-offset');
  if (offset === undefined) throw badRequest('Upload-Offset must be a whole number from 0');
  const isLast = readComplete(request);
  if (isLast === undefined) throw badRequest('Upload-Complete must be ?0 or ?1');
  const digest = readContentDigest(request);
  const upload = await findUpload(context);
  const after = await withOffset(upload, () => {
    if (offset !== upload.tail.position) throw mismatchingOffset(upload, offset);
    const length = lengthOf(request, offset);
    const end = offset + (readInteger(request, 'content-length') ?? 0);
    if (!upload.claim.isDeferred && end > upload.claim.length) throw inconsistentLength();
    return continueUpload(context, upload, { length, digest, isLast });
  });
  return result(context, after, { status: 204, headers: {} });
}

async function cancel(context: ResumableRequest): Promise<Response> {
  await deleteUpload(context);
  return new Response(null, { status: 204, headers: PRIVATE });
}

/** A complete upload is answered like a plain `POST` of the same body. */
function result(
  context: ResumableRequest,
  upload: Upload,
  { status, headers }: { readonly status: number; readonly headers: Record<string, string> },
): Response {
  const all = { ...stateOf(context, upload), ...headers };
  if (isComplete(upload)) return json(upload.tail, 200, all);
  return new Response(null, { status, headers: all });
}

function stateOf(context: ResumableRequest, upload: Upload): Record<string, string> {
  return {
    ...PRIVATE,
    'upload-offset': String(upload.tail.position),
    'upload-complete': isComplete(upload) ? '?1' : '?0',
    ...remaining(context, upload),
  };
}

function lengthHeader({ claim }: Upload): Record<string, string> {
  return claim.isDeferred ? {} : { 'upload-length': String(claim.length) };
}

function remaining({ maxUpload, patience }: ResumableRequest, { claim }: Upload): Record<string, string> {
  // If the length is not known yet, `claim.length` is the limit of this upload. `allows` may have lowered this limit.
  return limitsOf(claim.isDeferred ? claim.length : maxUpload, claim.expires - Math.floor(patience.clock.now() / 1000));
}

function mismatchingOffset({ tail }: Upload, provided: number): Refusal {
  const facts = {
    type: `${PROBLEMS}mismatching-upload-offset`,
    'expected-offset': tail.position,
    'provided-offset': provided,
  };
  return new Refusal(409, 'OffsetMismatch', 'The upload has another offset: ask for it with HEAD', facts);
}
