/** A bar that shows the object by segment: what is confirmed, what is under way, what may or may not be stored. */
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
  /** Segments not yet confirmed, by position. */
  readonly #open = new Map<number, Segment>();
  #total = 0;
  #confirmed = 0;

  /** How many segments are confirmed. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** An object that holds `start` bytes and gets `size` more. */
  reset(start: number, size: number): void {
    this.#bar.replaceChildren();
    this.#open.clear();
    this.#total = start + size;
    this.#confirmed = 0;
    if (start > 0) this.#add(0, start, 'earlier');
    this.#label(start);
  }

  /** An append was sent, or has ended. One that is sent again takes the place of the first. */
  show({ id, position, size, status }: Exchange): void {
    if (position === undefined || size === 0) return;
    const known = this.#open.get(position);
    if (status === undefined) {
      known?.span.remove();
      this.#open.set(position, { id, end: position + size, span: this.#add(position, size, 'pending') });
    } else if (known?.id === id && status !== 200) known.span.className = 'unknown';
  }

  /** The object is known to hold all segments up to here. */
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
    this.#bar.ariaLabel = `${bytes(end)} of ${bytes(this.#total)} stored, ${this.#confirmed} segments of this file`;
  }
}
