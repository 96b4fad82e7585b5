/** Follows a growing object: as an iterable of bytes, as a stream, or as whole lines. */

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
  /** True if the object is sealed. In a page, the bucket's CORS rule must expose `x-oss-sealed-time`. */
  readonly sealed: boolean;
}

/**
 * Names the object that comes after this one, when nothing more will be appended to this one. Returns `undefined` as
 * long as that is not known. For a sealed object, `undefined` means that no object follows.
 */
export type NextKey = (end: TailEnd) => string | undefined | PromiseLike<string | undefined>;

/** Settings of {@link tail}, {@link tailStream} and {@link tailLines}. The signal ends the reading with its reason. */
export interface TailOptions extends CallOptions {
  /**
   * Where to begin: a position in bytes, or a tail. The CRC-64 of a tail proves that the object still begins with the
   * same bytes. Default 0. To begin at the end, give the tail from `AppendableObject.open()`.
   */
  readonly from?: number | ObjectTail | undefined;
  /** The wait before the next look after new bytes came, ms. Default 1,000. */
  readonly minDelay?: number | undefined;
  /**
   * The longest wait, ms. Each look that finds nothing new doubles the wait, but not beyond this time. Default 15,000.
   */
  readonly maxDelay?: number | undefined;
  /**
   * Follows a rotation of objects. It is called each time that the end of the object is reached. Default: there is one
   * object.
   */
  readonly next?: NextKey | undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Follows a growing object: gives its bytes from `from` on, each once and in order, and waits for more. Needs
 * `oss:GetObject`.
 *
 * It reads to the end, and then looks again and again. The wait between two looks is `minDelay` while bytes come, and
 * grows to `maxDelay` while none do. An answer that breaks off is continued where it stopped. If `from` is 0, it waits
 * for an object that does not exist yet. The iteration ends when the object is sealed; in a page, the bucket's CORS
 * rule must expose `x-oss-sealed-time` for that. Otherwise it ends when the caller leaves the loop or aborts the
 * signal.
 *
 * Each look reads the last 256 bytes again and compares them. At each end, the CRC-64 of the object is compared with
 * that of the bytes that were read. One change is not detected: if CORS hides `x-oss-hash-crc64ecma`, another object
 * may take the place of this one, with the same length or more, and with the same 256 bytes before this position. If an
 * answer comes in several chunks, the earlier chunks are given before the end shows that they are wrong. Then the error
 * follows them.
 *
 * @throws TypeError or RangeError for impossible arguments, at the call. `ObjectChangedError` if the object was
 * deleted, became shorter, or was replaced; OssError (`ObjectNotAppendable`, `ContentEncoded`) for an object that
 * cannot be followed; the errors of `getObject`, after the attempts that the client's `retry` allows; the signal's
 * reason.
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
  const settings = settingsOf(client, key, options);
  return new Stoppable((signal) => bytesOf(follow(client, settings, signal)), options.signal);
}

/**
 * Does the same as {@link tail}, as a ReadableStream. `cancel()` ends it.
 *
 * @throws The errors of {@link tail}.
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
 * Follows an object of lines, such as NDJSON, and gives each line as text, without its line feed. Empty lines are left
 * out. Bytes after the last line feed wait for the rest of their line. When the object is finished, they are given as a
 * line. `from` must be the beginning of a line.
 *
 * @throws The errors of {@link tail}; OssError (`LineTooLong`) for a line of more than 16 MiB.
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
  const settings = settingsOf(client, key, options);
  return new Stoppable((signal) => linesOf(follow(client, settings, signal)), options.signal);
}

/** The checked arguments of a call. */
interface Settings {
  readonly key: string;
  readonly from: Tail;
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly next: NextKey | undefined;
}

/** Bytes, and the object that holds them. */
interface Piece {
  readonly key: string;
  readonly bytes: Bytes;
}

async function* follow(
  client: TailClient,
  settings: Settings,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  for (let object: Followed | undefined = new Followed(client, settings.key, settings.from); object; ) {
    const next: string | undefined = yield* followOne(client, object, settings, signal);
    object = next === undefined ? undefined : new Followed(client, next, { position: 0, crc: 0n });
  }
}

/** Follows one object until it is finished. Returns the name of the next object, if there is one. */
async function* followOne(
  client: TailClient,
  object: Followed,
  settings: Settings,
  signal: AbortSignal,
): AsyncGenerator<Piece, string | undefined, undefined> {
  const { minDelay, maxDelay } = settings;
  for (let delay = minDelay; ; ) {
    const { position } = object;
    yield* piecesOf(object, signal);
    const next = await askNext(object, settings, signal);
    if (object.sealed) return next;
    if (next !== undefined) {
      // Something may have been appended between the last look and the call of `next`.
      yield* piecesOf(object, signal);
      return next;
    }
    delay = object.position > position ? minDelay : Math.min(delay * 2, maxDelay);
    await sleep(client.retry.clock, delay, signal);
  }
}

async function askNext(
  { key, tail, sealed }: Followed,
  settings: Settings,
  signal: AbortSignal,
): Promise<string | undefined> {
  const next = await abortable(Promise.resolve(settings.next?.({ key, tail, sealed })), signal);
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

/** @throws TypeError or RangeError for arguments with which nothing can be followed. */
function settingsOf(client: TailClient, key: string, options: TailOptions): Settings {
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
