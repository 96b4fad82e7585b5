/**
 * The media that a recorder has made and the object does not hold yet. The queue knows its length in bytes, and how old
 * it is.
 */

import { concat } from '../bytes.ts';
import type { MediaElement } from './webm.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** A part of a recording, and the time when it began to be recorded, ms. */
interface Waiting extends MediaElement {
  readonly since: number;
}

export class MediaQueue {
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** The part that is being stored. */
  #taken: { readonly bytes: number; readonly since: number } | undefined;
  /** The cluster whose remaining parts are dropped when they arrive. */
  #leavesOut = 0;
  /**
   * The tracks that have had a key frame since the last gap. A player cannot show the frames before it, because they are
   * only differences from frames that are missing. It is undefined if there is no gap.
   */
  #resumed: Set<number> | undefined;
  /** Bytes that were dropped. */
  dropped = 0;

  /** Bytes that wait or are being stored. */
  get bytes(): number {
    return this.#waitingBytes + (this.#taken?.bytes ?? 0);
  }

  /**
   * The time when the oldest part that is not yet stored began to be recorded, ms. It is `undefined` if everything is
   * stored.
   */
  get since(): number | undefined {
    return this.#taken?.since ?? this.#waiting[0]?.since;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(element: MediaElement, since: number): void {
    if (element.bytes.byteLength > 0 && this.#fits(element)) this.#put({ ...element, since });
  }

  #put(element: Waiting): void {
    this.#waiting.push(element);
    this.#waitingBytes += element.bytes.byteLength;
  }

  /** Whether an element can stay after the gap. Counts it as dropped if it cannot. */
  #fits({ bytes, cluster, block }: MediaElement): boolean {
    const isLeftOut = cluster > 0 && cluster === this.#leavesOut;
    if (block?.isKey && !isLeftOut) this.#resumed?.add(block.track);
    const fits = !isLeftOut && (!block || !this.#resumed || this.#resumed.has(block.track));
    if (!fits) this.dropped += bytes.byteLength;
    return fits;
  }

  /** Returns the next bytes to store, about `most`. */
  take(most: number): Bytes {
    const since = this.#waiting[0]?.since ?? 0;
    let [count, size] = [0, 0];
    for (const { bytes } of this.#waiting) {
      if (count > 0 && size + bytes.byteLength > most) break;
      count++;
      size += bytes.byteLength;
    }
    const parts = this.#waiting.splice(0, count).map(({ bytes }) => bytes);
    this.#waitingBytes -= size;
    this.#taken = { bytes: size, since };
    return concat(parts, size);
  }

  /** Notes that the taken bytes are stored. */
  release(): void {
    this.#taken = undefined;
  }

  /**
   * Drops the waiting parts of the oldest cluster, and its parts that arrive later. Returns false if no cluster waits.
   */
  dropCluster(): boolean {
    const oldest = this.#waiting.find(({ cluster }) => cluster > 0);
    if (!oldest) return false;
    const { cluster } = oldest;
    this.#leavesOut = cluster;
    this.#resumed = new Set();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const element of waiting) if (this.#fits(element)) this.#put(element);
    return true;
  }
}
