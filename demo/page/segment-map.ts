/** A bar that shows the segments of the object: confirmed, in flight, or with an unknown outcome. */
import { bytes, element, make } from './dom.ts';
import type { Exchange } from './traffic.ts';

type State = 'earlier' | 'pending' | 'unknown' | 'confirmed';

interface Segment {
  readonly id: number;
  readonly end: number;
  readonly span: HTMLElement;
}

export class SegmentMap {
  readonly #bar = element('map');
  /** The segments that are not confirmed yet, by their position. */
  readonly #open = new Map<number, Segment>();
  #total = 0;
  #confirmed = 0;

  /** The number of confirmed segments. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** Starts a new bar for an object that has `start` bytes and gets `size` more bytes. */
  reset(start: number, size: number): void {
    this.#bar.replaceChildren();
    this.#open.clear();
    this.#total = start + size;
    this.#confirmed = 0;
    if (start > 0) this.#add(0, start, 'earlier');
    this.#label(start);
  }

  /** Shows an append that was sent or has ended. A retry replaces the first attempt in the bar. */
  show({ id, position, size, status }: Exchange): void {
    if (position === undefined || size === 0) return;
    const known = this.#open.get(position);
    if (status === undefined) {
      known?.span.remove();
      this.#open.set(position, { id, end: position + size, span: this.#add(position, size, 'pending') });
    } else if (known?.id === id && status !== 200) known.span.className = 'unknown';
  }

  /** Marks all segments before `end` as confirmed. */
  confirm(end: number): void {
    for (const [position, segment] of this.#open) {
      if (segment.end > end) continue;
      segment.span.className = 'confirmed';
      this.#open.delete(position);
      this.#confirmed++;
    }
    this.#label(end);
  }

  #add(position: number, size: number, state: State): HTMLElement {
    const span = make('span', '', state);
    span.style.left = `${(position / this.#total) * 100}%`;
    span.style.width = `calc(${(size / this.#total) * 100}% + 1px)`;
    this.#bar.append(span);
    return span;
  }

  #label(end: number): void {
    const stored = `${bytes(end)} of ${bytes(this.#total)} are stored`;
    this.#bar.ariaLabel = `${stored}, with ${this.#confirmed} segments of this file`;
  }
}
