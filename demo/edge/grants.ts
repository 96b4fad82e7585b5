/**
 * Grants: one request of OSS, signed for someone without a key. What is signed cannot be changed: for an append the key,
 * the position, the length and the headers; for a read the range. No RAM policy can say this: `oss:PutObject` also overwrites.
 */
import type { OssClient, PresignedRequest } from '../../src/index.ts';
import { type AskedAppend, type GrantBounds, readAppend, readBatch, readRange, refuseHeaders } from './asked.ts';
import { type Allows, checkAllowed } from './decisions.ts';
import { checkOwnKey } from './keys.ts';
import { badRequest, Refusal } from './refusal.ts';

/** Who asks, and within which bounds. */
export interface GrantContext extends GrantBounds {
  readonly client: OssClient;
  readonly user: string;
  /** What the user's keys begin with. */
  readonly prefix: string;
  /** Life of a grant, s. */
  readonly grantLife: number;
  readonly allows: Allows;
}

/** An append granted ahead of its time. */
export interface AppendGrant extends PresignedRequest {
  readonly position: number;
  readonly size: number;
}

type Asked = Readonly<Record<string, unknown>>;

/** Answers `POST /grant`. @throws Refusal */
export async function grantOne(context: GrantContext, asked: Asked): Promise<PresignedRequest> {
  const key = checkOwnKey(asked['key'], context.prefix);
  const { operation } = asked;
  if (operation === 'appendObject') return grantAppend(context, key, readAppend(asked, context));
  if (operation === 'headObject') return grantHead(context, key, asked);
  if (operation === 'getObject') return grantRead(context, key, asked);
  throw badRequest('operation must be appendObject, headObject or getObject');
}

/**
 * Answers `POST /grants`: appends of `segmentSize`, one behind the other from `position`, up to `end` where that is known.
 * As many as the application allows: at least one. @throws Refusal
 */
export async function grantMany(context: GrantContext, asked: Asked): Promise<AppendGrant[]> {
  const key = checkOwnKey(asked['key'], context.prefix);
  const { position, segmentSize, count, end, headers } = readBatch(asked, context);
  const grants: AppendGrant[] = [];
  for (let at = position; grants.length < count && (at < end || grants.length === 0); at += segmentSize) {
    const append = { position: at, size: Math.min(segmentSize, end - at), headers: at === position ? headers : {} };
    try {
      grants.push({ ...(await grantAppend(context, key, append)), position: at, size: append.size });
    } catch (error) {
      if (grants.length === 0 || !(error instanceof Refusal)) throw error;
      break;
    }
  }
  return grants;
}

async function grantAppend(context: GrantContext, key: string, append: AskedAppend): Promise<PresignedRequest> {
  const { client, user, grantLife: expiresIn, allows } = context;
  const { position, size } = append;
  const { 'content-type': contentType, ...headers } = append.headers;
  await checkAllowed({ user, operation: 'appendObject', key, position, size, contentType, headers }, allows);
  return client.presignAppendObject(key, { position, size, contentType: contentType ?? null, headers, expiresIn });
}

async function grantHead(context: GrantContext, key: string, asked: Asked): Promise<PresignedRequest> {
  refuseHeaders(asked);
  const { client, user, grantLife: expiresIn, allows } = context;
  await checkAllowed({ user, operation: 'headObject', key }, allows);
  return client.presignHeadObject(key, { expiresIn });
}

async function grantRead(context: GrantContext, key: string, asked: Asked): Promise<PresignedRequest> {
  refuseHeaders(asked);
  const range = readRange(asked, context);
  const { client, user, grantLife: expiresIn, allows } = context;
  const size = range.end === undefined ? undefined : range.end - range.start + 1;
  await checkAllowed({ user, operation: 'getObject', key, size }, allows);
  // Whoever compares stored bytes asks for them as they are stored, whatever their Content-Encoding.
  return client.presignGetObject(key, { range, decode: asked['decode'] !== false, expiresIn });
}
