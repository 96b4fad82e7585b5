/**
 * Gathers the chunks of a body into segments. An upload has two buffers: one is filled while the other one is in
 * flight. If little memory is left, it has only one. The buffers are used again and again, because V8 collects large
 * buffers late.
 */
import type { Segment, SegmentReader } from '../source/segment.ts';
import type { Clock } from '../waiting/clock.ts';
import { Refusal } from './refusal.ts';
import { SegmentBuffer } from './segment-buffer.ts';
import { SEGMENT, uploadMemory } from './segment-memory.ts';

/** The values that decide how long the segments are. */
export interface SegmentOptions {
  /** The length of every segment in bytes. Without it, the length depends on the other uploads of this process. */
  readonly segmentSize: number | undefined;
  /** The announced length of the body in bytes. */
  readonly announced: number | undefined;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * A segment of the least length ends after this time in ms. So not much is lost if a Worker with a slow sender is
 * killed.
 */
const LONGEST = 5000;

const BROKEN = 'The body ended early: continue at the tail';

/**
 * Reads a body in segments. The engine asks for a third segment only when the first one is stored, so the third one
 * gets the buffer of the first one. An upload with one buffer waits until `confirm` says that its segment is stored. An
 * older attempt to send this segment may then still be in flight. OSS refuses this attempt, because the object is longer
 * than the position of the attempt.
 */
export class BodySegments implements SegmentReader {
  readonly total = undefined;
  readonly type = '';
  readonly inMemory = true;
  /** The reason why the body ended early. The segments hold all bytes that came before. */
  refusal: Refusal | undefined;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #options: SegmentOptions;
  #buffers: readonly [SegmentBuffer, SegmentBuffer] = [new SegmentBuffer(), new SegmentBuffer()];
  /** The rest of the last chunk. */
  #rest: Uint8Array = new Uint8Array(0);
  /** The bytes of all segments so far, and how many of them are stored. */
  #total = 0;
  #stored = 0;
  #wake: () => void = () => {};
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>, options: SegmentOptions) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#options = options;
  }

  /** @throws Refusal if the body is refused before its first byte. Then no object may be created. */
  async next(size: number): Promise<Segment | undefined> {
    // Waits for bytes before it takes a buffer, because a body with a checksum may wait 20 s for memory at first.
    await this.#refill();
    const buffer = await this.#begin(size);
    const { clock } = this.#options;
    const end = clock.now() + LONGEST;
    while (!buffer.isFull && (buffer.used < SEGMENT.least || clock.now() < end)) {
      if (!(await this.#refill())) break;
      this.#rest = buffer.add(this.#rest);
    }
    this.#total += buffer.used;
    if (this.refusal && this.#total === 0) throw this.refusal;
    return buffer.used > 0 ? buffer.take() : undefined;
  }

  /** Notes that the first `loaded` bytes of the body are stored. */
  confirm(loaded: number): void {
    this.#stored = loaded;
    if (loaded >= this.#total) this.#wake();
  }

  cancel(): void {
    this.#ended = true;
    for (const buffer of this.#buffers) {
      uploadMemory.free(buffer);
      buffer.free();
    }
    this.#chunks.return?.().catch(() => {});
  }

  /** Begins a segment in a buffer whose segment is stored. */
  async #begin(size: number): Promise<SegmentBuffer> {
    const [buffer, other] = this.#buffers;
    const isInFlight = this.#stored < this.#total;
    const room = this.#options.segmentSize ?? this.#take(buffer, isInFlight);
    if (room > 0) {
      this.#buffers = [other, buffer];
      buffer.begin(room, size);
      return buffer;
    }
    buffer.free();
    await this.#allStored();
    other.begin(this.#take(other, false), size);
    return other;
  }

  #take(buffer: SegmentBuffer, isOptional: boolean): number {
    const { announced, clock } = this.#options;
    // A body of unknown length may be short, so its first segments are short.
    const left = announced === undefined ? Math.max(this.#total, SEGMENT.least) : announced - this.#total;
    return uploadMemory.take(buffer, { most: Math.max(left, 1), now: clock.now(), isOptional });
  }

  /**
   * Reserves the memory of this upload for longer. Otherwise the reservation would end before a slow segment is
   * complete.
   */
  #keep(): void {
    const { segmentSize, clock } = this.#options;
    if (segmentSize !== undefined) return;
    for (const buffer of this.#buffers) uploadMemory.keep(buffer, { size: buffer.size, now: clock.now() });
  }

  /**
   * Waits until the segment in flight is stored. If the append of the segment fails, nobody waits for this promise any
   * more.
   */
  #allStored(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (this.#stored >= this.#total) resolve();
    });
  }

  /** Returns whether there are more bytes. */
  async #refill(): Promise<boolean> {
    while (this.#rest.byteLength === 0 && !this.#ended) {
      try {
        const { done, value } = await this.#chunks.next();
        if (done) this.#ended = true;
        else this.#rest = value;
        this.#keep();
      } catch (error) {
        this.#ended = true;
        this.refusal = error instanceof Refusal ? error : new Refusal(400, 'SourceError', BROKEN);
      }
    }
    return this.#rest.byteLength > 0;
  }
}
