/** Following a growing object: its bytes as they come, as an iterable, as a stream, or as whole lines. */

import { checkFunction, checkObject, checkRange, checkSignal, checkType } from '../check.ts';
import { checkKey } from '../request/endpoint.ts';
import type { CallOptions } from '../request/operations.ts';
import { type ObjectTail, parseTail, type Tail } from '../tail.ts';
import { abortable } from '../waiting/abort.ts';
import { sleep } from '../waiting/sleep.ts';
import { Followed, type TailClient } from './followed.ts';
import { LineSplitter } from './line-splitter.ts';
import { Stoppable } from './stoppable.ts';

/** The end of an object that was read. */
export interface TailEnd {
  readonly key: string;
  readonly tail: ObjectTail;
  /** Whether the object is sealed. In a page, the bucket's CORS rule must expose `x-oss-sealed-time`. */
  readonly sealed: boolean;
}

/**
 * Tells which object comes after this one, once nothing more is appended to this one; `undefined` as long as that is not known.
 * For a sealed object `undefined` means that none comes.
 */
export type NextKey = (end: TailEnd) => string | undefined | PromiseLike<string | undefined>;

/** Settings of {@link tail}, {@link tailStream} and {@link tailLines}. The signal ends the reading with its reason. */
export interface TailOptions extends CallOptions {
  /**
   * Where to begin: a position in bytes, or a tail, whose CRC-64 then proves that the object still begins with the same bytes.
   * Default 0. To begin at the end, give the tail from `AppendableObject.open()`.
   */
  readonly from?: number | ObjectTail | undefined;
  /** The wait before the next look after new bytes came, ms. Default 1,000. */
  readonly minDelay?: number | undefined;
  /** The longest wait, ms. Each look that finds nothing new doubles the wait up to this. Default 15,000. */
  readonly maxDelay?: number | undefined;
  /** Follows a rotation of objects. It is asked each time that the object's end was reached. Default: there is one object. */
  readonly next?: NextKey | undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Follows a growing object: gives its bytes from `from` on, each once and in order, and waits for more. Needs `oss:GetObject`.
 *
 * It reads to the end, and then looks again and again; the wait between two looks is `minDelay` while bytes come, and grows to
 * `maxDelay` while none do. An answer that breaks off is continued where it stopped. An object that does not exist yet is waited
 * for, if `from` is 0. The iteration ends when the object is sealed, provided that the bucket's CORS rule exposes
 * `x-oss-sealed-time` to a page; otherwise it ends when the caller leaves the loop or aborts the signal.
 *
 * Each look reads the last 256 bytes again and compares them, and at each end the CRC-64 of the object is compared with that of
 * the bytes that were read. What this does not show: where CORS hides `x-oss-hash-crc64ecma`, an object that was replaced by
 * another one of the same length or longer, with the same 256 bytes before this place. Where an answer comes in several chunks, all
 * but the last one are given before the end shows that they are wrong; the error follows them.
 *
 * @throws TypeError or RangeError for impossible arguments, at the call. `ObjectChangedError` where the object was deleted, became
 * shorter, or was replaced; OssError (`ObjectNotAppendable`, `ContentEncoded`) for an object that cannot be followed; else as
 * `getObject`, after as many attempts as the client's `retry` allows, and the signal's reason.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/getobject
 * @example
 * ```ts
 * import { credentialsFromUrl, OssClient } from 'oss-append';
 * import { tail } from 'oss-append/log';
 *
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') });
 * for await (const bytes of tail(client, 'app.log')) console.log(`${bytes.byteLength} bytes more`);
 * ```
 */
export function tail(
  client: TailClient,
  key: string,
  options: TailOptions = {},
): AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
  const plan = check(client, key, options);
  return new Stoppable((signal) => bytesOf(follow(client, plan, signal)), options.signal);
}

/**
 * The same as {@link tail}, as a ReadableStream. `cancel()` ends it.
 *
 * @throws as {@link tail}.
 * @example
 * ```ts
 * import type { OssClient } from 'oss-append';
 * import { tailStream } from 'oss-append/log';
 *
 * async function copy(client: OssClient, to: WritableStream<Uint8Array>, signal: AbortSignal) {
 *   await tailStream(client, 'recording.webm').pipeTo(to, { signal });
 * }
 * ```
 */
export function tailStream(
  client: TailClient,
  key: string,
  options: TailOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = tail(client, key, options);
  const pull = async (controller: ReadableStreamDefaultController<Bytes>) => {
    const { done, value } = await bytes.next();
    if (done) controller.close();
    else controller.enqueue(value);
  };
  const cancel = async () => void (await bytes.return?.());
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
}

/**
 * Follows an object of lines, such as NDJSON, and gives each line as text, whole and without its line feed. Empty lines are left
 * out. Bytes behind the last line feed wait for their rest; they are given as a line when the object is finished. With `from`,
 * begin at the beginning of a line.
 *
 * @throws as {@link tail}; OssError (`LineTooLong`) for a line of more than 16 MiB.
 * @example
 * ```ts
 * import type { OssClient } from 'oss-append';
 * import { tailLines } from 'oss-append/log';
 *
 * async function show(client: OssClient, signal: AbortSignal) {
 *   for await (const line of tailLines(client, 'app.ndjson', { signal })) console.log(JSON.parse(line));
 * }
 * ```
 */
export function tailLines(client: TailClient, key: string, options: TailOptions = {}): AsyncIterableIterator<string> {
  const plan = check(client, key, options);
  return new Stoppable((signal) => linesOf(follow(client, plan, signal)), options.signal);
}

/** What to follow, checked. */
interface Plan {
  readonly key: string;
  readonly from: Tail;
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly next: NextKey | undefined;
}

/** Bytes, and the object that they are from. */
interface Piece {
  readonly key: string;
  readonly bytes: Bytes;
}

async function* follow(client: TailClient, plan: Plan, signal: AbortSignal): AsyncGenerator<Piece, void, undefined> {
  for (let object: Followed | undefined = new Followed(client, plan.key, plan.from); object; ) {
    const next: string | undefined = yield* followOne(client, object, plan, signal);
    object = next === undefined ? undefined : new Followed(client, next, { position: 0, crc: 0n });
  }
}

/** Follows one object until it is finished. Returns the name of the next one, if one comes. */
async function* followOne(
  client: TailClient,
  object: Followed,
  plan: Plan,
  signal: AbortSignal,
): AsyncGenerator<Piece, string | undefined, undefined> {
  const { minDelay, maxDelay } = plan;
  for (let delay = minDelay; ; ) {
    const { position } = object;
    yield* piecesOf(object, signal);
    const next = await askNext(object, plan, signal);
    if (object.sealed) return next;
    if (next !== undefined) {
      // Something may have been appended after the last look, and before the name was told.
      yield* piecesOf(object, signal);
      return next;
    }
    delay = object.position > position ? minDelay : Math.min(delay * 2, maxDelay);
    await sleep(client.retry.clock, delay, signal);
  }
}

async function askNext({ key, tail, sealed }: Followed, plan: Plan, signal: AbortSignal): Promise<string | undefined> {
  const next = await abortable(Promise.resolve(plan.next?.({ key, tail, sealed })), signal);
  if (next === undefined) return undefined;
  checkKey(next);
  checkType(next !== key, `next gave "${next}", which is the object that was just read`);
  return next;
}

async function* piecesOf(object: Followed, signal: AbortSignal): AsyncGenerator<Piece, void, undefined> {
  for await (const bytes of object.read(signal)) yield { key: object.key, bytes };
}

async function* bytesOf(pieces: AsyncIterable<Piece>): AsyncGenerator<Bytes, void, undefined> {
  for await (const { bytes } of pieces) yield bytes;
}

async function* linesOf(pieces: AsyncIterable<Piece>): AsyncGenerator<string, void, undefined> {
  const splitter = new LineSplitter();
  let last: string | undefined;
  for await (const { key, bytes } of pieces) {
    if (last !== undefined && last !== key) yield* splitter.end();
    last = key;
    yield* splitter.split(bytes, key);
  }
  yield* splitter.end();
}

function check(client: TailClient, key: string, options: TailOptions): Plan {
  checkType(
    typeof client?.getObject === 'function' && client.retry,
    'tail needs an OssClient, or an object with its methods',
  );
  checkKey(key);
  checkObject('options', options);
  const { from = 0, minDelay = 1000, maxDelay = Math.max(15_000, minDelay), next, signal } = options;
  checkSignal(signal);
  checkFunction('next', next);
  checkRange(minDelay > 0, 'minDelay', 'above 0 ms', minDelay);
  checkRange(maxDelay >= minDelay, 'maxDelay', 'minDelay or more', maxDelay);
  return {
    key,
    from: parseTail('from', typeof from === 'number' ? { position: from } : from),
    minDelay,
    maxDelay,
    next,
  };
}
