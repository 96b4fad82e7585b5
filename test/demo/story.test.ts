/** The story of an object: the events that the page makes from its requests. */
import { describe, expect, test } from 'vitest';
import type { AnswerFacts, Ended, Operation, Outcome, Sent } from '../../demo/page/client/exchange.ts';
import { layOut } from '../../demo/page/transfer/ruler.ts';
import { EMPTY, type Story, whenAbsent, whenDamaged, whenEnded, whenSent } from '../../demo/page/transfer/story.ts';

let id = 0;

const request = (operation: Operation, position?: number, size = 0): Sent => ({
  id: ++id,
  operation,
  at: 0,
  position,
  size,
});

function answered(status: number, answer: Partial<AnswerFacts> = {}): Outcome {
  return { kind: 'answered', status, answer: { isGenuine: true, ...answer } };
}

/** Sends requests one after the other, and returns the story. */
function tell(...steps: readonly (readonly [Sent, Outcome, duration?: number])[]): Story {
  return steps.reduce<Story>((story, [sent, outcome, duration = 20]) => {
    const ended: Ended = { ...sent, outcome, duration };
    return whenEnded(whenSent(story, sent), ended);
  }, EMPTY);
}

const kinds = ({ happenings }: Story) => happenings.map(({ kind }) => kind);
const states = ({ segments }: Story) => segments.map(({ position, state }) => [position, state]);

const append = (position: number, size = 10) => request('append', position, size);
const head = () => request('head');
const NO_ANSWER: Outcome = { kind: 'no-answer' };

describe('a segment', () => {
  test('that OSS is too busy to take is not stored, and no answer was lost', () => {
    const busy = answered(503, { code: 'TotalQpsLimitExceeded' });
    expect(states(tell([append(0), busy]))).toEqual([[0, 'absent']]);
    const again = tell([append(0), busy], [append(0), answered(200, { length: 10 })]);
    expect([states(again), again.retries]).toEqual([[[0, 'stored']], 1]);
  });

  test('that a gateway answers with an error may be stored', () => {
    expect(states(tell([append(0), answered(503, { isGenuine: false })]))).toEqual([[0, 'lost']]);
  });

  test('is stored with the CRC-64 and the round trip of its answer', () => {
    const { segments, happenings } = tell([append(0), answered(200, { length: 10, crc: '7' })]);
    expect(segments).toEqual([{ position: 0, size: 10, state: 'stored', crc: '7', roundTrip: 20 }]);
    expect(happenings).toEqual([]);
  });

  test('whose answer is lost is found stored by the HEAD after it', () => {
    const story = tell(
      [append(0), NO_ANSWER],
      [head(), answered(200, { length: 10, crc: '7' })],
      [append(10), answered(200)],
    );
    expect(kinds(story)).toEqual(['answer-lost', 'found-stored']);
    expect(states(story)).toEqual([
      [0, 'stored'],
      [10, 'stored'],
    ]);
    expect(story.retries).toBe(0);
  });

  test('that is not there is sent again, which counts as a repeat', () => {
    const story = tell([append(0), NO_ANSWER], [head(), answered(200, { length: 0 })], [append(0), answered(200)]);
    expect(kinds(story)).toEqual(['answer-lost', 'found-absent']);
    expect(states(story)).toEqual([[0, 'stored']]);
    expect(story.retries).toBe(1);
  });

  test('that was proven by reading its bytes is found stored when the next one is sent', () => {
    const story = tell([append(0), NO_ANSWER], [request('get'), answered(206)], [append(10), answered(200)]);
    expect(kinds(story)).toEqual(['answer-lost', 'found-stored']);
  });

  test('that the browser sent twice by itself is shown as a lost answer, and not as a 409', () => {
    const story = tell([append(0), answered(409, { length: 10 })], [head(), answered(200, { length: 10 })]);
    expect(kinds(story)).toEqual(['sent-twice', 'found-stored']);
    expect(states(story)).toEqual([[0, 'stored']]);
  });

  test('that OSS holds with other bytes is damaged', () => {
    const story = whenDamaged(tell([append(0), answered(200)], [append(10), answered(200)]), 10);
    expect(states(story)).toEqual([
      [0, 'stored'],
      [10, 'damaged'],
    ]);
  });
});

describe('a segment that is proven not to be stored', () => {
  test('is not shown as a lost answer, and the segments before it stay', () => {
    const story = whenAbsent(tell([append(0), answered(200)], [append(10), answered(409, { length: 99 })]));
    expect(states(story)).toEqual([
      [0, 'stored'],
      [10, 'absent'],
    ]);
  });

  test('is not drawn on the ruler', () => {
    const { segments } = whenAbsent(tell([append(0), answered(200)], [append(10), NO_ANSWER]));
    expect(layOut(segments, { base: 0, total: 20, width: 200 }).map(({ state }) => state)).toEqual(['stored']);
  });
});

describe('what is told', () => {
  const TOLD: readonly [what: string, outcome: Outcome, kind: string][] = [
    ['an expired token', answered(403, { code: 'SecurityTokenExpired' }), 'token-expired'],
    ['a wrong clock', answered(403, { code: 'RequestTimeTooSkewed' }), 'clock-wrong'],
    ['throttling', answered(503, { code: 'TotalQpsLimitExceeded' }), 'throttled'],
    ['an error of a gateway', answered(502, { isGenuine: false }), 'server-error'],
    ['a refusal', answered(403, { code: 'AccessDenied' }), 'refused'],
    ['the page of a portal', answered(200, { isGenuine: false }), 'not-from-oss'],
    ['another writer', answered(409, { length: 99 }), 'moved'],
  ];
  test.each(TOLD)('of %s is one event', (_, outcome, kind) => {
    const story = tell([append(0), outcome]);
    expect(kinds(story)).toEqual([kind]);
    expect(states(story).some(([, state]) => state === 'stored')).toBe(false);
  });

  test('of an answer that took long is an event of its own', () => {
    expect(kinds(tell([append(0), answered(200), 4000]))).toEqual(['answered-late']);
  });

  test('of requests to the edge, and of an object that does not exist yet, is empty', () => {
    const edge = answered(200, { isGenuine: false });
    const story = tell(
      [request('grant'), edge],
      [request('token'), edge],
      [head(), answered(404, { code: 'NoSuchKey' })],
    );
    expect(story.happenings).toEqual([]);
    expect(story.requests).toBe(3);
  });
});
