/** A pipe from a request's body to the end of an object. Hides how much of a body is kept when it does not come whole. */
import { AppendableObject, type ObjectTail, type OssClient, OssError } from '../../src/index.ts';
import { MAX_OBJECT_SIZE } from './asked.ts';
import { announcedLength, wholeBody } from './body.ts';
import { bytesAllowed, checkAllowed } from './decisions.ts';
import type { GrantContext } from './grants.ts';
import { checkOwnKey, keyOfPath } from './keys.ts';
import type { Patience } from './reader.ts';
import { badRequest, Refusal } from './refusal.ts';

/** One upload, or the question where one ended. */
export interface UploadContext extends Omit<GrantContext, 'grantLife' | 'maxSegment' | 'maxBatch'> {
  readonly request: Request;
  readonly client: OssClient;
  /** Bytes that the object may have. */
  readonly maxUpload: number;
  readonly segmentSize: number;
  readonly patience: Patience;
}

/** What the paths of uploads begin with. */
export const UPLOAD = '/upload/';

/** Answers `GET /upload/{key}`: where the object ends. @throws Refusal, OssError */
export async function tailOf(context: UploadContext): Promise<ObjectTail> {
  const { user, allows } = context;
  const object = objectOf(context);
  await checkAllowed({ user, operation: 'headObject', key: object.key }, allows);
  return object.open();
}

/**
 * Answers `POST /upload/{key}`: appends a body of any length. A client that was cut off asks {@link tailOf} and sends the rest
 * with `?position=`, which then must be that tail.
 *
 * @throws Refusal or OssError, with the tail and the bytes of this body that are stored.
 */
export async function upload(context: UploadContext): Promise<{ readonly key: string; readonly tail: ObjectTail }> {
  const { request, maxUpload, patience } = context;
  const object = objectOf(context);
  announcedLength(request, maxUpload);
  const allowed = await askUpload(context, object.key);
  const tail = await object.open();
  checkPosition(tail, readPosition(request));
  const most = Math.min(allowed, maxUpload - tail.position);
  announcedLength(request, most);
  return { key: object.key, tail: await appendWhole(object, tail, wholeBody(request, { most, ...patience })) };
}

function objectOf({ request, client, prefix, segmentSize }: UploadContext): AppendableObject {
  const key = checkOwnKey(keyOfPath(new URL(request.url).pathname, UPLOAD), prefix);
  const contentType = request.headers.get('content-type');
  // Full segments only: each early one would cost a subrequest, and a slow sender has one for every second.
  return new AppendableObject(client, key, { segmentSize, flushAfter: Number.POSITIVE_INFINITY, contentType });
}

/** How many bytes the application allows. */
function askUpload({ user, request, allows }: UploadContext, key: string): Promise<number> {
  const size = announcedLength(request, MAX_OBJECT_SIZE);
  const contentType = request.headers.get('content-type') ?? undefined;
  return bytesAllowed({ user, operation: 'upload', key, position: readPosition(request), size, contentType }, allows);
}

/** The object may have grown since the client asked, because a request that the client gave up on was still carried out. */
function checkPosition(tail: ObjectTail, expected: number | undefined): void {
  if (expected === undefined || expected === tail.position) return;
  const cause = 'another writer was here, or an earlier upload of yours is still finishing';
  const message = `The object does not end there: ${cause}. Ask for the tail and go on from it`;
  throw new Refusal(409, 'PositionNotEqualToLength', message, { tail, loaded: 0 });
}

function readPosition({ url }: Request): number | undefined {
  const [text, ...more] = new URL(url).searchParams.getAll('position');
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text) && more.length === 0) return Number(text);
  throw badRequest('position must be one whole number');
}

/** Where the body is refused while it is read, what came before is stored first, and the refusal tells the tail. */
async function appendWhole(
  object: AppendableObject,
  { position }: ObjectTail,
  chunks: AsyncIterable<Uint8Array>,
): Promise<ObjectTail> {
  let refusal: Refusal | undefined;
  async function* untilRefused(): AsyncGenerator<Uint8Array, void, void> {
    let some = false;
    try {
      for await (const chunk of chunks) {
        yield chunk;
        some = true;
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refusal = error;
      // If nothing came, nothing is to be created.
      if (!some) throw error;
    }
  }
  const work = object.append(untilRefused());
  await work.catch((error: unknown) => {
    if (!refusal || !(error instanceof OssError) || error.code !== 'SourceError') throw error;
  });
  const { tail } = object;
  if (refusal) throw refusal.with({ tail, loaded: (tail?.position ?? position) - position });
  return work;
}
