/** The route of uploads: which of the three ways a client speaks, and what the answers of each way have in common. */
import { json, Refusal } from './refusal.ts';
import { answerResumable, givesLength, limitsOf, type ResumableRequest } from './resumable-http.ts';
import { answerTus, tusOptions } from './tus.ts';
import { tailOf, UPLOAD, upload } from './upload.ts';
import { isTus, readComplete, TUS_VERSION } from './upload-headers.ts';
import { isUploadUrl } from './upload-url.ts';

/** Returns whether a path belongs to uploads. Without a key, the application chooses the key. */
export function isUploadPath(pathname: string): boolean {
  return `${pathname}/` === UPLOAD || pathname.startsWith(UPLOAD);
}

/**
 * Returns the method of a request for an upload. A client that cannot send PATCH or DELETE names it in a header. The
 * application's log contains this name, so only short words are accepted.
 *
 * @see https://tus.io/protocols/resumable-upload#x-http-method-override
 */
export function uploadMethod({ method, headers }: Request): string {
  const other = headers.get('x-http-method-override') ?? '';
  return /^[a-z]{1,16}$/i.test(other) ? other.toUpperCase() : method;
}

/** Answers a request for an upload, in the protocol that the client speaks. @throws Refusal, OssError */
export async function answerUpload(context: ResumableRequest): Promise<Response> {
  const { request, method, settings } = context;
  const canResume = settings.uploadSecrets.length > 0;
  if (
    isTus(request) ||
    (speaksDraft(request, method) &&
      !isOneRequest(request, canResume && (!!settings.keepLength || givesLength(request))))
  ) {
    if (!canResume) throw new Refusal(403, 'NoResumableUploads', NO_SECRET);
    return isTus(request) ? answerTus(context) : answerResumable(context);
  }
  if (method === 'GET') return json(await tailOf(context));
  const tail = await upload(context);
  // A plain upload is also the answer to a client of the draft whose upload has no known length.
  return json(tail, 200, readComplete(request) ? { 'upload-complete': '?1' } : {});
}

/** Returns the headers of the answer to `OPTIONS`, from which clients learn what the edge can do. */
export function uploadOptions(settings: ResumableRequest['settings'] & { maxUpload: number }): Record<string, string> {
  const { maxUpload, uploadLife, uploadSecrets } = settings;
  if (uploadSecrets.length === 0) return {};
  return { ...tusOptions(maxUpload, settings), ...limitsOf(maxUpload, uploadLife) };
}

/** Answers a refusal as the client's protocol wants it. An answer to `HEAD` has no body. */
export function refuseUpload(request: Request, refusal: Refusal): Response {
  const method = uploadMethod(request);
  const isProblem = !isTus(request) && speaksDraft(request, method);
  const response = isProblem ? refusal.toProblem() : refusal.toResponse();
  if (method !== 'HEAD') return response;
  const { status, headers } = response;
  // After 423 (Locked), tus-js-client asks again. After a status from 500, it starts a new upload from byte 0.
  return new Response(null, { status: isTus(request) && status >= 500 ? 423 : status, headers });
}

/** Adds the header that every answer to a tus client must have. */
export function withVersion(request: Request, response: Response): Response {
  if (isTus(request)) response.headers.set('tus-resumable', TUS_VERSION);
  return response;
}

const NO_SECRET = 'This service has no resumable uploads: send the body in one request';

/** Returns whether a request is one of the draft. Other requests with `GET` and `POST` belong to plain uploads. */
function speaksDraft(request: Request, method: string): boolean {
  if (isUploadUrl(request) || (method !== 'GET' && method !== 'POST')) return true;
  return method === 'POST' && readComplete(request) !== undefined;
}

/**
 * Returns whether a request of the draft is a plain upload. The client sends the whole file, and the edge cannot offer
 * to resume it, because the length is unknown and the application keeps no lengths, or because the edge has no secret.
 */
function isOneRequest(request: Request, canResume: boolean): boolean {
  return !canResume && !isUploadUrl(request) && readComplete(request) === true;
}
