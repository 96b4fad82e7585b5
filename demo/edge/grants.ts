/**
 * Grants: one request of OSS, signed for someone without a key. What is signed cannot be changed: for an append the key,
 * the position and the length; for a read the range. No RAM policy can say this: `oss:PutObject` also overwrites.
 */
import type { ObjectOptions, OpenRange, OssClient, PresignedRequest } from '../../src/index.ts';
import { Refusal } from './http.ts';
import { isOwnKey } from './keys.ts';

/** A request to be granted, and who asks: for the application to allow or refuse. */
export interface Question {
  readonly user: string;
  readonly operation: 'token' | 'appendObject' | 'headObject' | 'getObject' | 'upload';
  /** Of an object; for a token the prefix. */
  readonly key: string;
  /** Of an append, bytes; of an upload where the client told it. */
  readonly position?: number | undefined;
  /** Of an append or an upload, bytes; `undefined` for an upload of unknown length: answer with a number of bytes. Of a read too, unless it goes to the object's end. */
  readonly size?: number | undefined;
  readonly contentType?: string | undefined;
  /**
   * Of a first append: the other headers that the grant will name, in lower case. The holder must send them as they are. The
   * holder may add those of Cache-Control, Content-Disposition, Content-Encoding and Expires that are absent here, so allow
   * only grants that name the ones that matter to you.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the application says: yes or no; to an upload also how many bytes it may have. */
export type Answer = boolean | number;

/** Who asks, and within which bounds. */
export interface GrantContext {
  readonly client: OssClient;
  readonly user: string;
  /** What the user's keys begin with. */
  readonly prefix: string;
  /** Life of a grant, s. */
  readonly life: number;
  /** Bytes of one append, and of one range that has an end. */
  readonly maxSegment: number;
  /** Grants at once. */
  readonly maxBatch: number;
  allows(question: Question): Promise<Answer>;
}

/** An append granted ahead of its time. */
export interface AppendGrant extends PresignedRequest {
  readonly position: number;
  readonly size: number;
}

const MAX_OBJECT_SIZE = 5 * 1024 ** 3;
/** What a user may say of an object that is created; an ACL, a storage class or a redirect is the application's affair. */
const FIRST_HEADERS = /^(content-(type|disposition|encoding|language)|cache-control|expires|x-oss-meta-[a-z0-9-]+)$/;

/** Answers `POST /grant`. @throws Refusal */
export async function grantOne(context: GrantContext, asked: Record<string, unknown>): Promise<PresignedRequest> {
  const { operation } = asked;
  const key = ownKey(context, asked['key']);
  if (operation === 'appendObject') return grantAppend(context, readAppend(context, key, asked));
  const headers = readHeaders(asked['headers']);
  const range = operation === 'getObject' ? readRange(context, asked['range']) : undefined;
  // A read has no headers but its range, which is signed with it.
  if ((operation !== 'headObject' && !range) || Object.keys(headers).some((name) => name !== 'range' || !range)) {
    throw bad('operation must be appendObject, headObject, or getObject with a range; only first appends have headers');
  }
  const { client, user, life } = context;
  await ask(context, { user, operation: range ? 'getObject' : 'headObject', key, size: range && sizeOf(range) });
  return range
    ? client.presignGetObject(key, { range, decode: asked['decode'] !== false, expiresIn: life })
    : client.presignHeadObject(key, { expiresIn: life });
}

/**
 * Answers `POST /grants`: appends of `segmentSize`, one behind the other from `position`, up to `end` where that is known.
 * As many as the application allows: at least one. @throws Refusal
 */
export async function grantMany(context: GrantContext, asked: Record<string, unknown>): Promise<AppendGrant[]> {
  const { position, segmentSize: size, count, end = MAX_OBJECT_SIZE } = asked;
  if (!isCount(count, 1, context.maxBatch)) throw bad(`count must be 1 to ${context.maxBatch}`);
  if (!isCount(end, 0, MAX_OBJECT_SIZE) || !isCount(size, 1, context.maxSegment)) throw badSize(context);
  const key = ownKey(context, asked['key']);
  const grants: AppendGrant[] = [];
  for (let at = Number(position); grants.length < count && (at < end || grants.length === 0); at += size) {
    const headers = grants.length === 0 ? asked['headers'] : {};
    const append = readAppend(context, key, { position: at, size: Math.min(size, end - at), headers });
    try {
      grants.push({ ...(await grantAppend(context, append)), position: at, size: append.size });
    } catch (error) {
      if (grants.length === 0 || !(error instanceof Refusal)) throw error;
      break;
    }
  }
  return grants;
}

interface Append extends ObjectOptions {
  readonly key: string;
  readonly position: number;
  readonly size: number;
}

async function grantAppend(context: GrantContext, { key, ...append }: Append): Promise<PresignedRequest> {
  const { position, size, contentType, headers } = append;
  const { client, user, life: expiresIn } = context;
  const question = { key, position, size, contentType: contentType ?? undefined, headers };
  await ask(context, { user, operation: 'appendObject', ...question });
  return client.presignAppendObject(key, { ...append, expiresIn });
}

async function ask({ allows }: GrantContext, question: Question): Promise<void> {
  if (await allows(question)) return;
  throw new Refusal(403, 'NotAllowed', `You may not do this now: ${question.operation}`);
}

/** @throws Refusal for a key that is not the caller's, or no key at all. */
export function ownKey({ prefix }: Pick<GrantContext, 'prefix'>, key: unknown): string {
  if (isOwnKey(key, prefix)) return key;
  throw new Refusal(403, 'ForbiddenKey', 'The key is not one of yours');
}

function readAppend(context: GrantContext, key: string, asked: Record<string, unknown>): Append {
  const { position, size } = asked;
  if (!isCount(size, 0, context.maxSegment) || !isCount(position, 0, MAX_OBJECT_SIZE - size)) throw badSize(context);
  const headers = Object.entries(readHeaders(asked['headers']));
  // They describe the object, so they count when it is created; later OSS ignores them, and nobody needs them signed.
  if (headers.some(([name]) => position > 0 || !FIRST_HEADERS.test(name)))
    throw bad('headers are for the first append');
  const others = headers.filter(([name]) => name !== 'content-type');
  return {
    key,
    position,
    size,
    contentType: readHeaders(asked['headers'])['content-type'] ?? null,
    headers: Object.fromEntries(others),
  };
}

/** A range without an end tells the length of an object of the caller, where HEAD does not tell it. */
function readRange({ maxSegment }: GrantContext, range: unknown): OpenRange {
  const { start, end } = (range ?? {}) as Partial<OpenRange>;
  if (isCount(start, 0, MAX_OBJECT_SIZE) && (end === undefined || isCount(end, start, start + maxSegment - 1)))
    return { start, end };
  throw bad(`range must have a start, and an end with ${maxSegment} bytes at most or none`);
}

function sizeOf({ start, end }: OpenRange): number | undefined {
  return end === undefined ? undefined : end - start + 1;
}

/** Lower-case names; values that a header can carry. */
function readHeaders(given: unknown = {}): Record<string, string> {
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [['', '']];
  const good = entries.every(
    ([name, value]) => /^[a-z0-9-]+$/.test(name) && /^[\x20-\x7e]{1,1000}$/.test(String(value)),
  );
  if (good && entries.length <= 20)
    return Object.fromEntries(entries.map(([name, value]) => [name, String(value).trim()]));
  throw bad('headers must be an object of lower-case names and short values of visible ASCII');
}

function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
}

function badSize({ maxSegment }: GrantContext): Refusal {
  return bad(`position and size must be whole numbers, an append has ${maxSegment} bytes at most, an object 5 GiB`);
}

function bad(message: string): Refusal {
  return new Refusal(400, 'BadRequest', message);
}
