/** Decides which files are uploaded now. A file that is paused has no place in the queue, so another one can go on. */

export class Queue<T> {
  readonly #waiting = new Set<T>();
  readonly #running = new Set<T>();

  /** Puts an item at the end, unless it already waits or runs. */
  add(item: T): void {
    if (!this.#running.has(item)) this.#waiting.add(item);
  }

  /** Removes an item, whether it waits or runs. */
  remove(item: T): void {
    this.#waiting.delete(item);
    this.#running.delete(item);
  }

  /** Starts waiting items, in their order, until `limit` items run. */
  fill(limit: number, start: (item: T) => void): void {
    for (const item of this.#waiting) {
      if (this.#running.size >= limit) return;
      this.#waiting.delete(item);
      this.#running.add(item);
      start(item);
    }
  }
}
