/**
 * What the application decides about a request: who asks, where that user's keys are, and whether and how much. Hides how
 * its answers are read. Only an explicit yes is a yes: `null`, `undefined`, `NaN`, an empty text, a promise that was not
 * awaited, or whatever else a mistake gives, lets nobody in and allows nothing.
 */
import type { Credentials } from '../../src/index.ts';
import { problemOf } from './keys.ts';
import { Refusal } from './refusal.ts';

/** A request to be granted, and who asks: for the application to allow or refuse. */
export interface Question {
  readonly user: string;
  /** `headObject` also stands for the question where an upload ended (`GET /upload`). */
  readonly operation: 'token' | 'appendObject' | 'headObject' | 'getObject' | 'upload';
  /** Of an object; for a token the prefix. */
  readonly key: string;
  /** Of an append, bytes; of an upload where the client told it. */
  readonly position?: number | undefined;
  /**
   * Of an append, a read or an upload, bytes. Undefined for a read to the object's end, and for an upload of unknown length:
   * answer with a number of bytes. Always undefined for a token, whose holder may store any number of bytes: a quota and
   * tokens exclude each other.
   */
  readonly size?: number | undefined;
  readonly contentType?: string | undefined;
  /**
   * Of a first append: the other headers that the grant will name, in lower case. The holder must send them as they are. The
   * holder may add those of Cache-Control, Content-Disposition, Content-Encoding and Expires that are absent here, so allow
   * only grants that name the ones that matter to you.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the application says: yes or no, or how many bytes. A number above 0 is a yes to as many bytes, and no yes to a token. */
export type Answer = boolean | number;

/** The application's say. */
export type Allows = (question: Question) => Answer | Promise<Answer>;

/** The user who asks. @throws Refusal (401) where the application names none, 500 for a name that cannot be used. */
export async function userOf(request: Request, authenticate: (request: Request) => unknown): Promise<string> {
  const user: unknown = await authenticate(request);
  if (typeof user !== 'string' || user === '') throw new Refusal(401, 'NotAuthenticated', 'This needs a session');
  // With a slash in it, one user's name could lead into the keys of another.
  if (user.includes('/') || problemOf(user)) throw misdecided('UnusableUser');
  return user;
}

/** What a user's keys begin with. @throws Refusal (500) for a prefix that could reach into another one. */
export function prefixFor(user: string, prefixOf: (user: string) => unknown): string {
  const prefix = prefixOf(user);
  if (typeof prefix === 'string' && prefix.endsWith('/') && !problemOf(prefix.slice(0, -1))) return prefix;
  throw misdecided('UnusablePrefix');
}

/** Asks the application. @throws Refusal (403) for all but `true`, or a number of bytes that is enough for the size asked for. */
export async function checkAllowed(question: Question, allows: Allows): Promise<void> {
  const bytes = await bytesAllowed(question, allows);
  // A number is no yes where there is no size that it could limit.
  if (bytes < (question.size ?? ALL)) throw notAllowed(question);
}

const ALL = Number.POSITIVE_INFINITY;

/** How many bytes the application allows. @throws Refusal (403) for all but `true` and a number above 0. */
export async function bytesAllowed(question: Question, allows: Allows): Promise<number> {
  const answer: unknown = await allows(question);
  if (answer === true) return ALL;
  if (typeof answer === 'number' && answer > 0) return Math.min(answer, Number.MAX_SAFE_INTEGER);
  throw notAllowed(question);
}

/** A token for a page. @throws Refusal (500) for what is none, such as a permanent key, which must not leave the edge. */
export function checkToken(token: unknown): Credentials {
  const { accessKeyId, accessKeySecret, securityToken, expiration } = (token ?? {}) as Partial<Credentials>;
  const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
  const ends = expiration === undefined || !Number.isNaN(new Date(expiration).getTime());
  if (isText(accessKeyId) && isText(accessKeySecret) && isText(securityToken) && ends)
    return { accessKeyId, accessKeySecret, securityToken, expiration };
  throw misdecided('UnusableToken');
}

function notAllowed({ operation }: Question): Refusal {
  return new Refusal(403, 'NotAllowed', `You may not do this now: ${operation}`);
}

/** A function of the application gave what it must not give. The code is for the application's log. */
function misdecided(code: string): Refusal {
  return new Refusal(500, code, 'Something went wrong here');
}
