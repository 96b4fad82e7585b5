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
    const { byteLength } = element.bytes;
    if (byteLength === 0) return;
    if (element.cluster > 0 && element.cluster === this.#leavesOut) {
      this.dropped += byteLength;
      return;
    }
    this.#waiting.push({ ...element, since });
    this.#waitingBytes += byteLength;
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
    if (cluster === this.#waiting.at(-1)?.cluster) this.#leavesOut = cluster;
    const before = this.#waitingBytes;
    this.#waiting = this.#waiting.filter((other) => other.cluster !== cluster);
    this.#waitingBytes = this.#waiting.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
    this.dropped += before - this.#waitingBytes;
    return true;
  }
}
