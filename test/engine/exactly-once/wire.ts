/**
 * The network between one AppendableObject and LocalOss. It delays requests, lets calls abort them, and records them.
 */

import type { Fetch, FetchInit } from '../../../src/request/request.ts';
import type { VirtualClock } from '../../tools/virtual-clock.ts';
import { includes } from './byte-strings.ts';
import { MemoryBlob } from './memory-blob.ts';
import type { ObservedOss } from './observed-oss.ts';
import type { CallRecord, ObjectRecord, When } from './record.ts';
import { type Share, sharesOf } from './shares.ts';

/** One recorded request. Its times are numbers of observations, see `ObservedOss.now`. */
export interface WireRequest {
  readonly operation: 'AppendObject' | 'HeadObject' | 'GetObject';
  /** The position and the bytes of an append. All attempts of a segment have the same value of `segment`. */
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly segment: object | undefined;
  readonly start: number;
  /** The time of the answer or of its loss. */
  end: number;
  readonly signal: AbortSignal | undefined;
  /** The index of the request in LocalOss's log. It is undefined if the request did not reach LocalOss. */
  entry: number | undefined;
  /** The status of the answer, or `lost` if no answer came. */
  answer: number | 'lost' | undefined;
}

/** A request from the view of one call. For an append, it has only the bytes of this call. */
export class Passage {
  readonly request: WireRequest;
  readonly call: CallRecord;
  readonly position: number;
  readonly bytes: Uint8Array;
  /** The number of bytes that the caller knew as stored when the request was sent. */
  readonly loaded: number;

  constructor(request: WireRequest, { call, offset, size }: Share) {
    this.request = request;
    this.call = call;
    this.position = request.position + offset;
    this.bytes = request.bytes.subarray(offset, offset + size);
    this.loaded = call.loaded;
  }

  get operation(): WireRequest['operation'] {
    return this.request.operation;
  }

  get segment(): object | undefined {
    return this.request.segment;
  }

  get start(): number {
    return this.request.start;
  }

  get entry(): number | undefined {
    return this.request.entry;
  }

  get answer(): WireRequest['answer'] {
    return this.request.answer;
  }
}

interface Surroundings {
  readonly oss: ObservedOss;
  readonly clock: VirtualClock;
  readonly object: ObjectRecord;
  /** The record for the requests of `open`. It is a call of its own, because `open` is not an append. */
  readonly opening: CallRecord;
  /** The longest delay of each direction in ms. */
  readonly latency: number;
  /** The bandwidth in bytes for each ms. */
  readonly bandwidth: number;
}

export class Wire {
  readonly #world: Surroundings;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  readonly fetch: Fetch = async (url, init) => {
    const { object, opening } = this.#world;
    const request = this.#requestOf(url, init);
    const passages = sharesOf(request, object, opening).map((share) => new Passage(request, share));
    checkOneAtATime(object, passages);
    object.requests.push(request);
    for (const passage of passages) {
      checkWanted(passage);
      passage.call.passages.push(passage);
    }
    try {
      const response = await this.#pass(request, passages, url, init);
      request.answer = response.status;
      return response;
    } catch (error) {
      request.answer = 'lost';
      throw error;
    } finally {
      request.end = this.#world.oss.now;
    }
  };

  async #pass(request: WireRequest, passages: readonly Passage[], url: string, init: FetchInit): Promise<Response> {
    const { oss, bandwidth } = this.#world;
    const turns = passages.map(({ call }) => ({ call, nth: call.passages.length }));
    const tell = (when: When) => {
      for (const { call, nth } of turns) call.atRequest(nth, when);
    };
    tell('before');
    await this.#travel(init, request.bytes.length / bandwidth);
    const entry = oss.requests.length;
    const answering = oss.fetch(url, init);
    if (oss.requests.length > entry) request.entry = entry;
    answering.catch(() => {});
    tell('under-way');
    const response = await answering;
    await this.#travel(init);
    tell('answered');
    init.signal?.throwIfAborted();
    return response;
  }

  async #travel({ signal }: FetchInit, time = 0): Promise<void> {
    const { latency, clock } = this.#world;
    const delay = (latency > 0 ? drawDelay(clock, latency) : 0) + Math.ceil(time);
    if (latency > 0 || delay > 0) await clock.wait(delay, signal);
    signal?.throwIfAborted();
  }

  #requestOf(url: string, { method, body, signal }: FetchInit): WireRequest {
    const operation = method === 'POST' ? 'AppendObject' : method === 'HEAD' ? 'HeadObject' : 'GetObject';
    const position = Number(/[?&]position=(\d+)/.exec(url)?.[1] ?? Number.NaN);
    const bytes = body ? peek(body) : new Uint8Array(0);
    const segment = body instanceof Uint8Array ? body.buffer : (body as object | undefined);
    const start = this.#world.oss.now;
    return {
      ...{ operation, position, bytes, segment, start, signal: signal ?? undefined },
      ...{ entry: undefined, answer: undefined, end: Number.POSITIVE_INFINITY },
    };
  }
}

/** Checks the promise of the engine that only one append is in flight. OSS allows no more. */
function checkOneAtATime({ requests }: ObjectRecord, passages: readonly Passage[]): void {
  const [{ call, operation }] = passages as [Passage];
  if (passages.every((one) => one.call.settled && !hasBegun(one)))
    call.problems.push(`a ${operation} was sent after the call had ended`);
  // An aborted request counts as ended, even if its sender does not know this yet.
  if (requests.some(({ answer, signal }) => answer === undefined && !signal?.aborted))
    call.problems.push(`a ${operation} was sent while another request was in flight`);
}

/**
 * Checks that bytes of an aborted call are not sent for the first time. A request that carries other calls as well may
 * continue.
 */
function checkWanted(passage: Passage): void {
  const { call, bytes } = passage;
  if (bytes.length > 0 && call.aborted && !hasBegun(passage))
    call.problems.push('its bytes were sent although it had been aborted before');
}

/**
 * Returns whether an aborted call may still be sent to its end for other calls. This holds if it is one segment and
 * nothing cuts it.
 */
export function goesOn({ aborted, object, source }: CallRecord): boolean {
  return aborted && object.writer.atOnce && source.length <= (object.segmentSize ?? source.length);
}

/**
 * Returns whether these bytes were sent before, in the same segment or in a longer segment from which they were cut.
 */
function hasBegun({ call, segment, bytes }: Passage): boolean {
  const appends = call.passages.filter(({ operation }) => operation === 'AppendObject');
  if (appends.length > 0 && goesOn(call)) return true;
  return appends.some((one) => one.segment === segment || (bytes.length > 0 && includes(one.bytes, bytes)));
}

/**
 * Returns the bytes of a body without consuming it. Like `fetch`, it treats anything except bytes and the platform's
 * Blob as text.
 */
function peek(body: BodyInit | MemoryBlob): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return body instanceof MemoryBlob ? body.peek() : new TextEncoder().encode(String(body));
}

/** Returns a random delay, which is a whole number of ms up to `most`. */
function drawDelay(clock: VirtualClock, most: number): number {
  return Math.floor(clock.random() * (most + 1));
}
