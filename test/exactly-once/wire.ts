/** The network between one AppendableObject and LocalOss: adds latency and aborts, and notes what passes. */
import type { Fetch, FetchInit } from '../../src/http.ts';
import { drawDelay, type VirtualClock } from './clock.ts';
import type { ObservedOss } from './observed-oss.ts';
import type { CallRecord } from './record.ts';
import type { MemoryBlob } from './sources.ts';

/** One request as it passed. Times are numbers of observation, see `ObservedOss.now`. */
export interface Passage {
  readonly operation: 'AppendObject' | 'HeadObject' | 'GetObject';
  /** The call that it was made for. */
  readonly call: CallRecord;
  /** Of an append: where to, and of which bytes; `segment` is the same for every attempt. */
  readonly position: number;
  readonly bytes: Uint8Array;
  readonly segment: object | undefined;
  readonly start: number;
  /** Its place in LocalOss's log; undefined where it never got there. */
  entry: number | undefined;
  /** What came back; `lost` where nothing did. */
  answer: number | 'lost' | undefined;
}

interface Surroundings {
  readonly oss: ObservedOss;
  readonly clock: VirtualClock;
  /** Most of each way, ms. */
  readonly latency: number;
  /** Whose request it is. */
  current(): CallRecord;
}

export class Wire {
  readonly #world: Surroundings;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  readonly fetch: Fetch = async (url, init) => {
    const call = this.#world.current();
    const passage = this.#passageOf(call, url, init);
    checkOneAtATime(call, passage);
    call.passages.push(passage);
    try {
      const response = await this.#pass(passage, url, init);
      passage.answer = response.status;
      return response;
    } catch (error) {
      passage.answer = 'lost';
      throw error;
    }
  };

  async #pass(passage: Passage, url: string, init: FetchInit): Promise<Response> {
    const { oss } = this.#world;
    const { call } = passage;
    const nth = call.passages.length;
    call.atRequest(nth, 'before');
    await this.#travel(init);
    const entry = oss.requests.length;
    const answering = oss.fetch(url, init);
    if (oss.requests.length > entry) passage.entry = entry;
    answering.catch(() => {});
    call.atRequest(nth, 'under-way');
    const response = await answering;
    await this.#travel(init);
    call.atRequest(nth, 'answered');
    init.signal?.throwIfAborted();
    return response;
  }

  async #travel({ signal }: FetchInit): Promise<void> {
    const { latency, clock } = this.#world;
    if (latency > 0) await clock.wait(drawDelay(clock, latency), signal);
    signal?.throwIfAborted();
  }

  #passageOf(call: CallRecord, url: string, { method, body }: FetchInit): Passage {
    const operation = method === 'POST' ? 'AppendObject' : method === 'HEAD' ? 'HeadObject' : 'GetObject';
    const position = Number(/[?&]position=(\d+)/.exec(url)?.[1] ?? Number.NaN);
    const bytes = body ? peek(body) : new Uint8Array(0);
    const segment = body instanceof Uint8Array ? body.buffer : (body as object | undefined);
    const start = this.#world.oss.now;
    return { operation, call, position, bytes, segment, start, entry: undefined, answer: undefined };
  }
}

/** OSS allows one append at a time, and the engine promises it. */
function checkOneAtATime({ passages, problems, settled }: CallRecord, { operation }: Passage): void {
  if (settled) problems.push(`a ${operation} was sent when the call had ended`);
  if (passages.some(({ answer }) => answer === undefined))
    problems.push(`a ${operation} was sent beside another request`);
}

/** A body's bytes, without reading it as a transport does. */
function peek(body: BodyInit): Uint8Array {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return (body as unknown as MemoryBlob).peek();
}
