/** Faults that are written as text, and which requests get them. */
import { describe, expect, test } from 'vitest';
import { type FaultRequest, type FaultSchedule, LocalOss } from '../../../src/testing/index.ts';
import { FAULT_SETTINGS, SCHEDULE_SETTINGS, scheduleOf } from '../../../src/testing/node/fault-rule.ts';
import { utf8 } from '../text.ts';

const APPEND: FaultRequest = { operation: 'AppendObject', method: 'POST', bucket: 'logs', key: 'a/b', nth: 1 };

function due(schedule: FaultSchedule, request: Partial<FaultRequest> = {}): readonly unknown[] {
  if (typeof schedule !== 'function') throw new TypeError('the schedule of texts is a function');
  return [schedule({ ...APPEND, ...request })].flat();
}

/** Returns which of the first twelve requests get the fault: `x` for those that do. */
function pattern(text: string, requests: readonly Partial<FaultRequest>[] = Array(12).fill({})): string {
  const { schedule } = scheduleOf([text]);
  return requests.map((request) => (due(schedule, request).length > 0 ? 'x' : '-')).join('');
}

describe('which requests get a fault', () => {
  test.each([
    ['drop-after', 'xxxxxxxxxxxx'],
    ['drop-after:every=3', '--x--x--x--x'],
    ['drop-after:from=5', '----xxxxxxxx'],
    ['drop-after:from=2,every=4', '----x---x---'],
    ['drop-after:times=2', 'xx----------'],
    ['drop-after:every=2,times=2', '-x-x--------'],
  ])('%s: %s', (text, wanted) => {
    expect(pattern(text)).toBe(wanted);
  });

  test('a chance is taken from the seed, so that a run can be repeated', () => {
    const run = (seed: number) => pattern(`drop-after:chance=0.5,seed=${seed}`, Array(200).fill({}));
    expect(run(7)).toBe(run(7));
    expect(run(7)).not.toBe(run(8));
    expect(run(7).replaceAll('-', '').length).toBeGreaterThan(70);
    expect(run(7).replaceAll('-', '').length).toBeLessThan(130);
  });

  test('the operation, the bucket and the key must match, and only matching requests are counted', () => {
    const requests = [{ operation: 'HeadObject' }, {}, { bucket: 'other' }, { key: 'a' }, { key: 'a/c' }] as const;
    expect(pattern('deny:operation=AppendObject', requests)).toBe('-xxxx');
    expect(pattern('deny:bucket=logs', requests)).toBe('xx-xx');
    expect(pattern('deny:key=a', requests)).toBe('---x-');
    expect(pattern('deny:key=a/*,every=2', requests)).toBe('-x--x');
  });

  test('a preflight gets a fault only if the fault names it', () => {
    const requests = [{ operation: 'OptionObject' }, {}] as const;
    expect(pattern('drop-before', requests)).toBe('-x');
    expect(pattern('drop-before:operation=OptionObject', requests)).toBe('x-');
  });

  test('several faults act together, and each counts how often it was used', () => {
    const { rules, schedule } = scheduleOf(['slow:bytesPerSecond=1000', 'drop-after:every=2']);
    expect(due(schedule)).toEqual([{ kind: 'slow', bytesPerSecond: 1000 }]);
    expect(due(schedule)).toEqual([{ kind: 'slow', bytesPerSecond: 1000 }, { kind: 'drop-after' }]);
    expect(rules.map(({ text, used }) => [text, used])).toEqual([
      ['slow:bytesPerSecond=1000', 2],
      ['drop-after:every=2', 1],
    ]);
  });
});

test.each([
  ['error-after:status=503,code=Busy', { kind: 'error-after', status: 503, code: 'Busy' }],
  ['gateway:after,body=<b>', { kind: 'gateway', after: true, body: '<b>' }],
  ['hide-headers:names=etag+date', { kind: 'hide-headers', names: ['etag', 'date'] }],
  ['limit:bytes=9,answer=xml', { kind: 'limit', bytes: 9, answer: 'xml' }],
  ['redirect:location=http://a/?b=c', { kind: 'redirect', location: 'http://a/?b=c' }],
  ['skew-clock:by=-5000', { kind: 'skew-clock', by: -5000 }],
  ['rival', { kind: 'rival', when: 'before', same: true }],
  ['rival:bytes=x,when=after', { kind: 'rival', when: 'after', bytes: utf8('x') }],
  ['replace:bytes=x,type=Appendable', { kind: 'replace', when: 'after', bytes: utf8('x'), type: 'Appendable' }],
  ['delete', { kind: 'delete', when: 'after' }],
])('%s becomes the fault of LocalOss', (text, wanted) => {
  expect(due(scheduleOf([text]).schedule)).toEqual([wanted]);
});

test.each([
  ['drop-aftr', 'There is no fault "drop-aftr". The faults are answer-late, cached-head,'],
  ['', 'There is no fault ""'],
  ['constructor', 'There is no fault "constructor"'],
  ['slow', 'write slow:bytesPerSecond=…'],
  ['slow:bytesPerSecond', 'slow:bytesPerSecond: bytesPerSecond needs a value, such as bytesPerSecond=3'],
  ['slow:bytesPerSecond=fast', 'must be a whole number, found "fast"'],
  ['answer-late:delay=-1', 'must be a whole number, found "-1"'],
  ['refuse:status=99,code=a', 'status must be from 200 to 599, found "99"'],
  ['gateway:status=1000', 'status must be from 200 to 599, found "1000"'],
  ['slow:bytesPerSecond=0', 'bytesPerSecond must be from 1 to'],
  ['answer-late:delay=2147483648', 'delay must be from 0 to 2147483647, found "2147483648"'],
  ['deny:key=a*b*', 'key may have one * at its end'],
  ['drop-after:delay=3', 'there is no setting "delay". The settings are operation, bucket, key,'],
  ['drop-after:toString=3', 'there is no setting "toString"'],
  ['drop-after:', 'there is no setting ""'],
  ['drop-after:every=0', 'every must be at least 1'],
  ['drop-after:chance=2', 'chance must be more than 0 and at most 1'],
  ['drop-after:operation=Append', 'must be one of AppendObject, SealAppendObject,'],
  ['gateway:after=yes', 'takes no value'],
  ['error-after:status=404', 'must be one of 500, 502, 503, found "404"'],
])('the fault "%s" is refused, and the message says what to write', (text, message) => {
  expect(() => scheduleOf([text])).toThrow(RangeError);
  expect(() => scheduleOf([text])).toThrow(message);
});

/** A value for each form of a setting. */
function exampleOf(form: unknown): string {
  // Every number may be 500, also the status of an answer.
  if (form === 'number') return '=500';
  if (form === 'text') return '=x';
  return form === 'flag' ? '' : `=${(form as readonly string[])[0]}`;
}

test.each(Object.entries(FAULT_SETTINGS))('LocalOss takes %s with all of its settings', (kind, settings) => {
  const all = { ...settings, ...SCHEDULE_SETTINGS, chance: ['1'] };
  const texts = Object.entries(all).map(([name, form]) => `${name.replace('!', '')}${exampleOf(form)}`);
  const fault = due(
    scheduleOf([`${kind}:${texts.join(',')}`.replace('from=500', 'from=1').replace('every=500', 'every=1')]).schedule,
    {
      bucket: 'x',
      key: 'x',
    },
  );
  expect(fault).toMatchObject([{ kind }]);
  expect(new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } }, faults: fault as [] })).toBeDefined();
});
