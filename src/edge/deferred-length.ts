/**
 * Uploads whose length the client does not know when it creates them. The client gives the length later, and then it
 * must never change. An appendable object has no place for it, so the application keeps it.
 */
import { hidden, Refusal } from './refusal.ts';
import type { Upload } from './upload-object.ts';
import { noUpload } from './upload-url.ts';

/** An upload for whose length the edge asks. */
export interface DeferredUpload {
  /** The user that `authenticate` named. */
  readonly user: string;
  readonly key: string;
  /** The name of the upload, which no other upload has. */
  readonly upload: string;
  /** The length in bytes that the client gives now. It is undefined if the edge only asks for the kept length. */
  readonly length?: number | undefined;
}

/**
 * Keeps the first length that is given for an upload, and returns the kept length. It returns undefined or null if no
 * length was given so far.
 */
export type KeepLength = (upload: DeferredUpload) => KeptLength | Promise<KeptLength>;
type KeptLength = number | null | undefined;

/** The user of a request, and the function of the application. */
export interface DeferringContext {
  readonly user: string;
  readonly settings: { readonly keepLength?: KeepLength | undefined };
}

/** The beginning of the names of problem types. */
export const PROBLEMS = 'https://iana.org/assignments/http-problem-types#';

/**
 * Returns an upload with the length that is kept for it. Without a kept length, the upload stays as it is.
 *
 * @throws Refusal: 404 if the application keeps no lengths any more, 500 if it returned something else than a length.
 */
export async function withKeptLength(
  { user, settings: { keepLength } }: DeferringContext,
  upload: Upload,
  length?: number,
): Promise<Upload> {
  if (!keepLength) throw noUpload();
  const { claim, object } = upload;
  const kept: unknown = (await keepLength({ user, key: object.key, upload: claim.id, length })) ?? undefined;
  if (kept === undefined && length === undefined) return upload;
  if (!(Number.isSafeInteger(kept) && Number(kept) >= 0 && Number(kept) <= claim.length))
    throw hidden('UnusableLength');
  return { ...upload, claim: { ...claim, length: Number(kept), isDeferred: false } };
}

/**
 * Returns an upload with the length that a request gives. A deferred length is kept before anything is stored.
 *
 * @throws Refusal: 400 if the upload has another length already or has more bytes, 413 if the length is too great.
 */
export async function declareLength(context: DeferringContext, upload: Upload, length: number): Promise<Upload> {
  const { claim, tail } = upload;
  if (claim.isDeferred && length > claim.length) throw tooLong(claim.length);
  const mayKeep = claim.isDeferred && length >= tail.position;
  const declared = mayKeep ? await withKeptLength(context, upload, length) : upload;
  if (declared.claim.isDeferred || declared.claim.length !== length) throw inconsistentLength();
  return declared;
}

/** Refuses an upload because of a limit. */
export function tooLong(most: number): Refusal {
  return new Refusal(413, 'TooLarge', `This upload may have at most ${most} bytes`);
}

/** Refuses a request whose length is not that of the upload, as the draft of the IETF names it. */
export function inconsistentLength(): Refusal {
  const facts = { type: `${PROBLEMS}inconsistent-upload-length` };
  return new Refusal(400, 'InconsistentLength', 'The lengths of this upload contradict each other', facts);
}
