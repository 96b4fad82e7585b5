/**
 * Tells what happens to one object, from its requests alone: which segments are stored, and what went wrong on the way.
 * It is pure, so that each story can be tested.
 */
import type { AnswerFacts, Ended, Outcome, Sent } from '../client/exchange.ts';

/** One segment of the object. */
export interface Segment {
  readonly position: number;
  readonly size: number;
  /**
   * `lost`: the answer to its request was lost, and nobody has asked yet what happened. `damaged`: OSS holds other bytes.
   * `absent`: the segment is not stored, because OSS was too busy, or because the transfer failed.
   */
  readonly state: 'sent' | 'lost' | 'stored' | 'damaged' | 'absent';
  /** The CRC-64 of the object up to the end of this segment, decimal. */
  readonly crc?: string | undefined;
  /** The time from the request to the answer that proves it, ms. */
  readonly roundTrip?: number | undefined;
}

/** Something that a reader of the page should know. Sizes and positions are bytes, times are ms. */
export type Happening =
  | { readonly kind: 'answer-lost'; readonly position: number; readonly size: number }
  | { readonly kind: 'found-stored'; readonly position: number; readonly size: number }
  | { readonly kind: 'found-absent'; readonly position: number; readonly size: number }
  | { readonly kind: 'sent-twice'; readonly position: number; readonly size: number }
  | { readonly kind: 'moved'; readonly position: number; readonly length: number }
  | { readonly kind: 'answered-late'; readonly position: number; readonly duration: number }
  | { readonly kind: 'throttled' }
  | { readonly kind: 'server-error'; readonly status: number }
  | { readonly kind: 'token-expired' }
  | { readonly kind: 'clock-wrong' }
  | { readonly kind: 'not-from-oss'; readonly status: number }
  | { readonly kind: 'refused'; readonly status: number; readonly code: string };

/** What is known of the object. */
export interface Story {
  readonly segments: readonly Segment[];
  readonly happenings: readonly Happening[];
  readonly requests: number;
  /** Appends that were sent again to a position. */
  readonly retries: number;
}

export const EMPTY: Story = { segments: [], happenings: [], requests: 0, retries: 0 };

/** An answer that took longer is an event of its own, ms. */
const LATE = 3000;

/** Adds a request that was just sent. */
export function whenSent(story: Story, request: Sent): Story {
  const requests = story.requests + 1;
  const { operation, position = 0, size } = request;
  if (operation !== 'append') return { ...story, requests };
  const again = story.segments.some((one) => one.position === position && one.state !== 'stored');
  const before = settleBefore(story, position);
  const segments = [
    ...before.segments.filter((one) => one.position < position || one.state === 'stored'),
    { position, size, state: 'sent' as const },
  ];
  return { ...before, segments, requests, retries: story.retries + (again ? 1 : 0) };
}

/** The library sends the next segment only when it has proven the one before. */
function settleBefore(story: Story, position: number): Story {
  const lost = story.segments.find((one) => one.state === 'lost' && one.position + one.size <= position);
  if (!lost) return story;
  return note(replace(story, { ...lost, state: 'stored' }), { kind: 'found-stored', ...placeOf(lost) });
}

/** Adds how a request ended. */
export function whenEnded(story: Story, request: Ended): Story {
  const { operation, outcome } = request;
  if (operation === 'append') return appendEnded(story, request);
  // The edge answers requests for tokens and grants, and not OSS.
  if ((operation !== 'head' && operation !== 'get') || outcome.kind !== 'answered') return story;
  const { status, answer } = outcome;
  if (status === 404) return story;
  const refusal = refusalOf(status, answer);
  if (refusal) return note(story, refusal);
  return operation === 'head' ? headAnswered(story, answer) : story;
}

function appendEnded(story: Story, request: Ended): Story {
  const { position = 0, size, outcome, duration } = request;
  const place = { position, size };
  if (outcome.kind === 'aborted') return mark(story, place, 'lost');
  if (outcome.kind === 'no-answer') return note(mark(story, place, 'lost'), { kind: 'answer-lost', ...place });
  const { status, answer } = outcome;
  if (status === 409) return moved(mark(story, place, 'lost'), place, answer);
  const refusal = refusalOf(status, answer);
  if (refusal) return note(mark(story, place, stateAfter(refusal, outcome)), refusal);
  const stored = replace(story, { ...place, state: 'stored', crc: answer.crc, roundTrip: duration });
  return duration > LATE ? note(stored, { kind: 'answered-late', position, duration }) : stored;
}

/** An error of a server or a gateway says nothing about the segment. But if OSS itself is too busy, it stores nothing. */
function stateAfter({ kind }: Happening, { status, answer }: Answered): 'sent' | 'lost' | 'absent' {
  if (kind === 'throttled' && answer.isGenuine) return 'absent';
  return status >= 500 ? 'lost' : 'sent';
}

/**
 * A 409 after a lost answer is expected, and the HEAD after it shows how the story ends. A 409 to a first request can
 * also mean a lost answer: when a connection ends, Chromium sends the request again by itself.
 */
function moved(story: Story, place: Place, { length }: AnswerFacts): Story {
  const last = story.happenings.at(-1);
  const isExpected = last?.kind === 'answer-lost' && last.position === place.position;
  if (isExpected || length === undefined) return story;
  const isOurs = length === place.position + place.size;
  return note(story, isOurs ? { kind: 'sent-twice', ...place } : { kind: 'moved', position: place.position, length });
}

/** The library found that OSS holds other bytes from this position on. */
export function whenDamaged(story: Story, position: number): Story {
  const damaged = story.segments.find((one) => one.position === position);
  return damaged ? replace(story, { ...damaged, state: 'damaged' }) : story;
}

/** The library found that the bytes in flight are not stored. */
export function whenAbsent(story: Story): Story {
  const segments = story.segments.map((one) => (isOpen(one) ? { ...one, state: 'absent' as const } : one));
  return { ...story, segments };
}

function isOpen({ state }: Segment): boolean {
  return state === 'sent' || state === 'lost';
}

/** HEAD shows whether the segment whose answer was lost is stored. */
function headAnswered(story: Story, { length, crc }: AnswerFacts): Story {
  const lost = story.segments.find((one) => one.state === 'lost');
  if (!lost || length === undefined) return story;
  if (length === lost.position) return note(story, { kind: 'found-absent', ...placeOf(lost) });
  if (length !== lost.position + lost.size) return story;
  return note(replace(story, { ...lost, state: 'stored', crc }), { kind: 'found-stored', ...placeOf(lost) });
}

function refusalOf(status: number, { code = `Http${status}`, isGenuine }: AnswerFacts): Happening | undefined {
  if (status < 400) return isGenuine ? undefined : { kind: 'not-from-oss', status };
  if (code === 'RequestTimeTooSkewed') return { kind: 'clock-wrong' };
  if (/^SecurityTokenExpired$|^InvalidAccessKeyId$|^InvalidSecurityToken$/.test(code)) return { kind: 'token-expired' };
  if (status === 429 || (status === 503 && /LimitExceeded$|^Http503$/.test(code))) return { kind: 'throttled' };
  return status >= 500 ? { kind: 'server-error', status } : { kind: 'refused', status, code };
}

type Answered = Extract<Outcome, { kind: 'answered' }>;
type Place = Pick<Segment, 'position' | 'size'>;

function placeOf({ position, size }: Segment): Place {
  return { position, size };
}

function mark(story: Story, place: Place, state: 'sent' | 'lost' | 'absent'): Story {
  const known = story.segments.find((one) => one.position === place.position);
  return known?.state === 'stored' ? story : replace(story, { ...place, state });
}

function replace(story: Story, segment: Segment): Story {
  const index = story.segments.findIndex(({ position }) => position === segment.position);
  const segments = index < 0 ? [...story.segments, segment] : story.segments.with(index, segment);
  return { ...story, segments };
}

function note(story: Story, happening: Happening): Story {
  return { ...story, happenings: [...story.happenings, happening] };
}
