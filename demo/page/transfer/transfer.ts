/** What the page knows of one object that it appends to: its story, its state and its progress. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import { ChecksumError, type ObjectTail, OssError } from '../../../src/index.ts';
import type { Way } from '../client/clients.ts';
import type { Ended, Sent } from '../client/exchange.ts';
import type { Watcher } from '../client/watch.ts';
import type { Verdict } from './proof.ts';
import { EMPTY, type Happening, type Story, whenAbsent, whenDamaged, whenEnded, whenSent } from './story.ts';

export type State = 'waiting' | 'running' | 'paused' | 'stored' | 'failed' | 'cancelled';

/** An event, and its time (ms since the epoch). */
export interface Event {
  readonly at: number;
  readonly what: Happening | Milestone;
}

/** What the application itself knows, and no request shows. Sizes are bytes. */
export type Milestone =
  | { readonly kind: 'began'; readonly key: string }
  | { readonly kind: 'went-on'; readonly position: number }
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'stored'; readonly size: number }
  | { readonly kind: 'proven'; readonly crc: string }
  | { readonly kind: 'failed'; readonly error: unknown; readonly of: 'file' | 'recording' }
  | { readonly kind: 'offline' }
  | { readonly kind: 'online' }
  | { readonly kind: 'rival'; readonly position: number };

export interface TransferInit {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  /** Bytes; undefined for a recording. */
  readonly size: number | undefined;
  readonly way: Way;
  readonly listener: TransferListener;
}

/** Gets the events of all transfers, and also every report of a request, for the figures of the whole page. */
export interface TransferListener extends Watcher {
  happened(transfer: Transfer, event: Event): void;
  changed(transfer: Transfer): void;
}

export class Transfer implements Watcher {
  readonly id: string;
  readonly name: string;
  readonly key: string;
  readonly size: number | undefined;
  readonly way: Way;
  readonly state: Signal<State> = signal('waiting');
  readonly story: Signal<Story> = signal(EMPTY);
  readonly events: Signal<readonly Event[]> = signal([]);
  /** Bytes of the file that are confirmed as stored. */
  readonly confirmed = signal(0);
  /** Bytes of the request in flight that were handed to the network. Only the pipe reports them. */
  readonly inFlight = signal(0);
  /** The length of the object before the first segment of this page. */
  readonly base = signal(0);
  readonly error: Signal<unknown> = signal(undefined);
  readonly tail: Signal<ObjectTail | undefined> = signal(undefined);
  /** Whether the object is equal to the file. It is undefined until the page has begun to compare them. */
  readonly verdict: Signal<Verdict | undefined> = signal(undefined);
  /** The time when a request got no answer, ms. It is undefined as soon as a request is answered again. */
  readonly troubledSince: Signal<number | undefined> = signal(undefined);
  /** When the oldest request without an answer was sent, ms. */
  readonly waitingSince: Signal<number | undefined> = signal(undefined);
  /** The length that the ruler stands for. */
  readonly total: ReadonlySignal<number> = computed(() => Math.max(this.size ?? 0, this.end.value));
  /** Where the segments end, stored or not. */
  readonly end: ReadonlySignal<number> = computed(() => {
    const last = this.story.value.segments.at(-1);
    return Math.max(this.base.value, last ? last.position + last.size : 0);
  });
  readonly #listener: TransferListener;

  constructor({ id, name, key, size, way, listener }: TransferInit) {
    this.id = id;
    this.name = name;
    this.key = key;
    this.size = size;
    this.way = way;
    this.#listener = listener;
    this.state.subscribe(() => listener.changed(this));
  }

  sent(request: Sent): void {
    this.#listener.sent(request);
    if (request.operation === 'append' && this.story.value.segments.length === 0) this.#goOn(request.position ?? 0);
    this.waitingSince.value = request.at;
    this.#tell(whenSent(this.story.value, request));
  }

  ended(request: Ended): void {
    this.#listener.ended(request);
    this.inFlight.value = 0;
    this.waitingSince.value = undefined;
    this.#judge(request);
    this.#tell(whenEnded(this.story.value, request));
  }

  handed(bytes: number): void {
    this.inFlight.value = bytes;
  }

  note(what: Event['what']): void {
    const event = { at: Date.now(), what };
    this.events.value = [...this.events.value, event];
    this.#listener.happened(this, event);
  }

  /**
   * Notes that `loaded` bytes of the file are confirmed. If this page sent nothing yet, the object held these bytes
   * before.
   */
  confirm(loaded: number): void {
    if (this.story.value.segments.length === 0) this.#goOn(loaded);
    this.confirmed.value = loaded;
  }

  /** The object already held the file up to this position. */
  #goOn(position: number): void {
    if (position <= this.base.value) return;
    this.base.value = position;
    this.note({ kind: 'went-on', position });
  }

  succeed(body: { readonly position?: number; readonly hashCrc64ecma?: string } | undefined): void {
    const { position = this.size ?? 0, hashCrc64ecma } = body ?? {};
    this.tail.value = { position, ...(hashCrc64ecma !== undefined && { hashCrc64ecma }) };
    this.confirmed.value = this.size ?? position;
    this.state.value = 'stored';
    this.note({ kind: 'stored', size: position });
  }

  fail(error: unknown): void {
    this.error.value = error;
    const cause = error instanceof Error && error.cause ? error.cause : error;
    if (cause instanceof ChecksumError && cause.code === 'ChecksumMismatch')
      this.story.value = whenDamaged(this.story.value, cause.position);
    else if (cause instanceof OssError && cause.outcome === 'absent') this.story.value = whenAbsent(this.story.value);
    this.state.value = 'failed';
    this.troubledSince.value = undefined;
    this.note({ kind: 'failed', error, of: this.size === undefined ? 'recording' : 'file' });
  }

  pause(isPaused: boolean): void {
    if (this.state.value !== 'running' && this.state.value !== 'paused') return;
    this.state.value = isPaused ? 'paused' : 'running';
    this.troubledSince.value = undefined;
    this.note({ kind: isPaused ? 'paused' : 'resumed' });
  }

  cancel(): void {
    if (this.state.value === 'stored') return;
    this.state.value = 'cancelled';
    this.troubledSince.value = undefined;
    this.note({ kind: 'cancelled' });
  }

  #judge({ outcome }: Ended): void {
    if (outcome.kind === 'no-answer') this.troubledSince.value ??= Date.now();
    if (outcome.kind !== 'answered') return;
    this.troubledSince.value = undefined;
  }

  #tell(story: Story): void {
    const told = this.story.value.happenings.length;
    this.story.value = story;
    for (const happening of story.happenings.slice(told)) this.note(happening);
  }
}
