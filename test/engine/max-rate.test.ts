/** `maxRate` limits the bytes that are sent, so that a call on the same uplink is not disturbed. In virtual time. */
import { describe, expect, test } from 'vitest';
import { AppendableObject, type AppendableObjectOptions } from '../../src/index.ts';
import { FORMS, NarrowLink, noise } from '../tools/narrow-link.ts';
import { makeClient } from '../tools/unit-tools.ts';
import { Uplink } from '../tools/uplink.ts';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';

const RATE = 125_000;
const DATA = noise(1_500_000);

/** An object behind an uplink of 250,000 bytes/s with a buffer of 64 KiB. */
function scene(options: AppendableObjectOptions = {}) {
  const clock = new VirtualClock();
  const uplink = new Uplink({ clock, bandwidth: 250_000, latency: 40, buffer: 65_536 });
  const client = makeClient({ clock, fetch: uplink.fetch });
  const object = new AppendableObject(client, 'a.bin', { tail: { position: 0 }, ...options });
  const run = async (work: Promise<unknown>) => {
    const begin = clock.now();
    await drive(work, clock);
    return (clock.now() - begin) / 1000;
  };
  return { clock, uplink, object, run };
}

describe.each(Object.keys(FORMS) as (keyof typeof FORMS)[])('a %s', (form) => {
  test('is sent at the rate, and no second exceeds the rate by more than a quarter', async () => {
    const { uplink, object, run } = scene({ maxRate: RATE });
    const time = await run(object.append(FORMS[form](DATA)));
    expect(time).toBeGreaterThan(DATA.byteLength / RATE - 1);
    expect(time).toBeLessThan((DATA.byteLength / RATE) * 1.05);
    expect(uplink.mostWithin(1000)).toBeLessThanOrEqual(RATE * 1.25);
    expect(object.tail?.position).toBe(DATA.byteLength);
  });

  test('is sent at the speed of the link without maxRate', async () => {
    const { object, run } = scene();
    expect(await run(object.append(FORMS[form](DATA)))).toBeLessThan((DATA.byteLength / 250_000) * 1.2);
  });
});

test('most packets of a call during an upload do not wait, and none waits longer than an eighth of a second', async () => {
  const [limited, free] = [scene({ maxRate: RATE / 2 }), scene()];
  for (const { object, run } of [limited, free]) await run(object.append(new Blob([DATA])));
  const share = ({ uplink }: typeof free) => uplink.delays.filter((delay) => delay > 0).length / uplink.delays.length;
  expect(Math.max(...limited.uplink.delays)).toBeLessThanOrEqual(125);
  expect(share(limited)).toBeLessThan(0.3);
  expect(Math.max(...free.uplink.delays)).toBeGreaterThan(250);
  expect(share(free)).toBeGreaterThan(0.9);
});

test('short appends respect the rate together, and idle time is not saved for later', async () => {
  const { clock, uplink, object, run } = scene({ maxRate: 1000 });
  const lines = Array.from({ length: 20 }, () => 'x'.repeat(200));
  await run(Promise.all(lines.map((line) => object.append(line))));
  expect(uplink.mostWithin(1000)).toBeLessThanOrEqual(1250);
  clock.advance(60_000);
  await settle();
  const before = uplink.bursts.length;
  const time = await run(Promise.all(lines.map((line) => object.append(line))));
  expect(time).toBeGreaterThan(3);
  expect(uplink.bursts.length - before).toBeGreaterThan(10);
});

test('repeats count, too', async () => {
  let appends = 0;
  const link = new NarrowLink(
    ({ operation }) => (operation === 'AppendObject' && ++appends % 2 === 1 ? { kind: 'drop-during' } : undefined),
    { maxRate: RATE },
  );
  const time = await link.run(link.object.append(new Blob([DATA])));
  expect(link.holds(DATA)).toBe(true);
  expect(time).toBeGreaterThan((2 * DATA.byteLength) / RATE - 1);
});

test.each([-3_600_000, 3_600_000])('a clock that jumps by %i ms does not stop the upload', async (jump) => {
  const clock = new VirtualClock();
  let offset = 0;
  const jumping = {
    now: () => clock.now() + offset,
    setTimeout: (callback: () => void, delay: number) => clock.setTimeout(callback, delay),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer as never),
    random: () => clock.random(),
  };
  const uplink = new Uplink({ clock, bandwidth: 250_000, latency: 40, buffer: 65_536 });
  const client = makeClient({ clock: jumping, fetch: uplink.fetch });
  const object = new AppendableObject(client, 'a.bin', { tail: { position: 0 }, maxRate: RATE });
  const begin = clock.now();
  await drive(object.append(new Blob([noise(RATE)])), clock);
  offset = jump;
  await drive(object.append(new Blob([noise(RATE)])), clock);
  expect(clock.now() - begin).toBeLessThan(5000);
});

test('an abort ends the wait for the rate, and what was not sent counts as absent', async () => {
  const { clock, uplink, object } = scene({ maxRate: 1000 });
  const controller = new AbortController();
  const work = object.append(new Blob([noise(2000)]), { signal: controller.signal });
  await settle();
  clock.advance(50);
  await settle();
  controller.abort('enough');
  await expect(work).rejects.toBe('enough');
  expect([uplink.bursts.length, object.pending, clock.waiting]).toEqual([1, [], 0]);
});

test.each([999, 0, -1, Number.NaN])('%s is not a rate', (maxRate) => {
  expect(() => scene({ maxRate })).toThrow(RangeError);
});
