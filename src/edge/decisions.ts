/**
 * What the application decides about a request: who sends it, where that user's keys are, and whether and how much the
 * user may do. This file reads the application's answers. Only an explicit yes allows a request. A mistake may give
 * `null`, `undefined`, `NaN`, an empty string or a promise that nobody awaited: then nobody is let in, and nothing is
 * allowed.
 */
import type { OssClient } from '../request/client.ts';
import type { Credentials } from '../request/credentials.ts';
import { formsOf, nameProblem } from './keys.ts';
import { hidden, Refusal } from './refusal.ts';

/** What a user wants to do. The application's `allows` gets it, and allows or refuses it. */
export interface EdgeQuestion {
  /** The user that `authenticate` named. */
  readonly user: string;
  /**
   * With `headObject`, a client also asks where an upload ended. A resumable upload asks `createUpload` once for the
   * whole file, and then `upload` for the bytes of each request.
   */
  readonly operation:
    | 'token'
    | 'appendObject'
    | 'headObject'
    | 'getObject'
    | 'upload'
    | 'createUpload'
    | 'deleteUpload';
  /** The key of the object. For a token, it is the prefix of the user's keys. */
  readonly key: string;
  /** The position of an append in bytes. An upload has it only if the client sent it. */
  readonly position?: number | undefined;
  /**
   * The size of an append, a read or an upload in bytes. It is undefined for a read up to the end of the object, and
   * for an upload of unknown length. For such an upload, the answer can be a number of bytes. It is always undefined for
   * a token, because the holder of a token can store any number of bytes. So an application with a quota must not give
   * tokens.
   */
  readonly size?: number | undefined;
  /**
   * The name of a resumable upload. It is the same for all requests of one upload, so the application can count the
   * unfinished uploads of a user: `onuploaded` gets the same name at the end.
   */
  readonly upload?: string | undefined;
  /** The media type of the object, if the request names one. */
  readonly contentType?: string | undefined;
  /**
   * The other headers of a first append that the grant will name, with names in lower case. The holder must send them
   * as they are. But the holder may add Cache-Control, Content-Disposition, Content-Encoding and Expires if they are
   * absent here. So allow only grants that name the headers that matter to you.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * The application's answer: yes, no, or the allowed number of bytes. A number above 0 is a yes if the operation
 * transfers bytes, up to that number. For a token or a read of unknown size, a number is a no.
 */
export type EdgeAnswer = boolean | number;

/** The function of the application that allows or refuses. */
export type Allows = (question: EdgeQuestion) => EdgeAnswer | Promise<EdgeAnswer>;

/** What a route knows of the user who sent its request. */
export interface UserContext {
  readonly user: string;
  /** The beginning of the user's keys. */
  readonly prefix: string;
  readonly allows: Allows;
  /** A client for the user's requests. Its credentials are those of the edge. */
  readonly client: OssClient;
}

/**
 * Returns the user of a request.
 *
 * @throws Refusal (401) if the application names no user, and 500 for an unusable name.
 */
export async function userOf(request: Request, authenticate: (request: Request) => unknown): Promise<string> {
  const user: unknown = await authenticate(request);
  if (typeof user !== 'string' || user === '') throw new Refusal(401, 'NotAuthenticated', 'This request needs a user');
  // If a name had a slash, it could lead into the keys of another user: `u1%2fx` becomes `u1/x` when it is decoded.
  if ([...formsOf(user)].join('').includes('/') || nameProblem(user)) throw hidden('UnusableUser');
  return user;
}

/**
 * Returns the beginning of the user's keys.
 *
 * @throws Refusal (500) for a prefix that could reach into another prefix.
 */
export function prefixFor(user: string, prefixOf: (user: string) => unknown): string {
  const prefix = prefixOf(user);
  if (typeof prefix === 'string' && prefix.endsWith('/') && !nameProblem(prefix.slice(0, -1))) return prefix;
  throw hidden('UnusablePrefix');
}

/**
 * Asks the application.
 *
 * @throws Refusal (403) if the answer is neither `true` nor enough bytes for the size in the question.
 */
export async function checkAllowed(question: EdgeQuestion, allows: Allows): Promise<void> {
  const bytes = await bytesAllowed(question, allows);
  // A number is not a yes if the question has no size, because there is nothing that the number could limit.
  if (bytes < (question.size ?? ALL)) throw notAllowed(question);
}

const ALL = Number.POSITIVE_INFINITY;

/**
 * Asks the application how many bytes it allows.
 *
 * @throws Refusal (403) if the answer is neither `true` nor a number above 0.
 */
export async function bytesAllowed(question: EdgeQuestion, allows: Allows): Promise<number> {
  const answer: unknown = await allows(question);
  if (answer === true) return ALL;
  if (typeof answer === 'number' && answer > 0) return Math.min(answer, Number.MAX_SAFE_INTEGER);
  throw notAllowed(question);
}

/**
 * Returns the four fields of a token, and nothing else.
 *
 * @throws Refusal (500) for anything else, for example a permanent key, which must not leave the edge.
 */
export function checkToken(token: unknown): Credentials {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = (token ?? {}) as Partial<Credentials>;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  const isDate = expiration === undefined || !Number.isNaN(new Date(expiration).getTime());
  if (isText(accessKeyId) && isText(accessKeySecret) && isText(securityToken) && isDate)
    return { accessKeyId, accessKeySecret, securityToken, expiration };
  throw hidden('UnusableToken');
}

function notAllowed({ operation }: EdgeQuestion): Refusal {
  return new Refusal(403, 'NotAllowed', `You may not do this now: ${operation}`);
}
