/**
 * Handles uploads whose length the client does not know at first. The client gives the length later, and then the
 * length must never change. An appendable object has no place for the length, so the application keeps it.
 */
import { hidden, Refusal } from './refusal.ts';
import type { Upload } from './upload-object.ts';
import { noUpload } from './upload-url.ts';

/** The edge asks the application for the length of this upload. */
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
 * Keeps the first length that a client gives for an upload, and returns the kept length. Returns undefined or null if
 * the client has not given a length yet.
 */
export type KeepLength = (upload: DeferredUpload) => KeptLength | Promise<KeptLength>;
type KeptLength = number | null | undefined;

/** The user of a request, and the application's function `keepLength`. */
export interface DeferringContext {
  readonly user: string;
  readonly settings: { readonly keepLength?: KeepLength | undefined };
}

/** The names of problem types begin with this URL. */
export const PROBLEMS = 'https://iana.org/assignments/http-problem-types#';

/**
 * Adds to an upload the length that the application keeps for it. If no length is kept, the upload does not change.
 *
 * @throws Refusal: 404 if the application no longer has `keepLength`, 500 if it returned no valid length.
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

/** Refuses an upload that would have more than `most` bytes. */
export function tooLong(most: number): Refusal {
  return new Refusal(413, 'TooLarge', `This upload may have at most ${most} bytes`, { maxSize: most });
}

/** Refuses a request with another length than the upload has. The IETF's draft defines the type of this problem. */
export function inconsistentLength(): Refusal {
  const facts = { type: `${PROBLEMS}inconsistent-upload-length` };
  return new Refusal(
    400,
    'InconsistentLength',
    'The lengths of this upload contradict each other: check Upload-Length and Content-Length',
    facts,
  );
}
