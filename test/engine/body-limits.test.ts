// A proxy or server on the way accepts no body above a certain size: nginx in front of OSS (1 MiB by default), a CDN,
// or a gateway.
import { describe, expect, test } from 'vitest';
import { ServiceError, TransportError } from '../../src/index.ts';
import type { Fault } from '../../src/testing/index.ts';
import { FORMS, NarrowLink, noise } from '../tools/narrow-link.ts';
import { failureOf, KEYS, localOss, makeClient } from '../tools/unit-tools.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const DATA = noise(4.5 * MiB + 123);

type Answer = Extract<Fault, { kind: 'limit' }>['answer'];

const limit = (bytes: number, answer?: Answer) => () =>
  ({ kind: 'limit', bytes, ...(answer ? { answer } : {}) }) as const;

const ANSWERS = { page: 'nginx’s 413', xml: 'OSS’s own 400', reset: 'a connection that breaks' } as const;

describe.each(Object.entries(ANSWERS) as [keyof typeof ANSWERS, string][])('a limit that shows as %s', (answer) => {
  describe.each([
    [100_000, 'a body parser'],
    [MiB, 'nginx'],
  ])('a %s is stored, each byte in its place', (bytes) => {
    test.each(Object.keys(FORMS) as (keyof typeof FORMS)[])('a %s arrives, each byte in its place', async (form) => {
      const link = new NarrowLink(limit(bytes, answer));
      await link.run(link.object.append(FORMS[form](DATA)));
      expect(link.holds(DATA)).toBe(true);
    });

    test('a resume stores the whole file', async () => {
      const link = new NarrowLink(limit(bytes, answer));
      link.oss.appendObject('logs', 'a.bin', DATA.subarray(0, 2 * MiB));
      await link.run(link.object.resume(new Blob([DATA])));
      expect(link.holds(DATA)).toBe(true);
    });

    test('a fixed segmentSize above the limit is reduced', async () => {
      const link = new NarrowLink(limit(bytes, answer), { segmentSize: 4 * MiB });
      await link.run(link.object.append(new Blob([DATA])));
      expect(link.holds(DATA)).toBe(true);
    });
  });
});

test('after a refusal nothing of that length is sent again, not even by later calls of the object', async () => {
  const link = new NarrowLink(limit(MiB));
  await link.run(link.object.append(new Blob([DATA])));
  await link.run(link.object.append(FORMS.stream(DATA)));
  const tooLong = link.sent.filter((size) => size > MiB);
  expect(tooLong).toEqual([...new Set(tooLong)].sort((a, b) => b - a));
  expect(tooLong.length).toBeLessThanOrEqual(3);
  expect(link.sent.slice(link.sent.lastIndexOf(tooLong.at(-1)!)).every((size) => size <= tooLong.at(-1)!)).toBe(true);
});

test('a segment that was read ahead is cut before it is sent', async () => {
  const link = new NarrowLink(limit(MiB));
  await link.run(link.object.append(FORMS.stream(DATA)));
  expect(link.sent.slice(0, 3)).toEqual([MiB, MiB, DATA.length - 2 * MiB]);
  expect(link.sent.slice(3).every((size) => size <= DATA.length / 2 - MiB + 1)).toBe(true);
});

test('calls that share a request shrink without an error, and each call learns its own end', async () => {
  const link = new NarrowLink(limit(100_000));
  const text = 'y'.repeat(30_000);
  const calls = Array.from({ length: 9 }, () => link.object.append(text));
  await link.run(Promise.all(calls));
  const ends = (await Promise.all(calls)).map(({ position }) => position);
  expect(ends).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((nth) => nth * text.length));
  // No text is cut in two: each part ends where a call ends.
  expect(link.sent.at(-1)! % text.length).toBe(0);
});

test('if a part of a group fails, the calls before it succeed and the calls after it are absent', async () => {
  let appends = 0;
  const link = new NarrowLink(({ operation }) => {
    if (operation !== 'AppendObject') return undefined;
    appends++;
    if (appends === 4) return { kind: 'deny' };
    return { kind: 'limit', bytes: 100_000 };
  });
  const text = 'z'.repeat(60_000);
  const calls = Array.from({ length: 4 }, () => link.object.append(text));
  await link.run(Promise.allSettled(calls));
  const ends = await Promise.allSettled(calls);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
  expect(await Promise.all(calls.slice(1).map(failureOf))).toMatchObject([
    { code: 'AccessDenied', loaded: 0, outcome: 'unknown' },
    { code: 'AccessDenied', loaded: 0, outcome: 'absent' },
    { code: 'AccessDenied', loaded: 0, outcome: 'absent' },
  ]);
});

test('if even the shortest segment is refused, the error names the limit and what may impose it', async () => {
  const link = new NarrowLink(limit(1000));
  const error = await failureOf(link.run(link.object.append(new Blob([DATA]))));
  expect(error).toBeInstanceOf(ServiceError);
  expect(error).toMatchObject({ code: 'Http413', status: 413, loaded: 0 });
  expect(String(error)).toContain('65536 bytes');
  expect(String(error)).toContain('client_max_body_size');
  expect(link.sent).toEqual([1024, 512, 256, 128, 64].map((size) => size * KiB));
});

test('if the connection breaks for every body, the number of attempts is the usual one', async () => {
  const link = new NarrowLink(limit(1000, 'reset'));
  const error = await failureOf(link.run(link.object.append(new Blob([DATA]))));
  expect(error).toBeInstanceOf(TransportError);
  expect(link.sent).toHaveLength(8);
});

test('a caller of appendObject gets the same hint', async () => {
  const oss = localOss({ faults: limit(1000) });
  const client = makeClient({ fetch: oss.fetch, credentials: KEYS });
  const error = await failureOf(client.appendObject('a.bin', new Uint8Array(1001), { position: 0 }));
  expect(String(error)).toContain('(1001 bytes): Http413 (HTTP 413). Hint: a proxy');
});

test.each([
  ['413 with XML', 413, 'RequestEntityTooLarge'],
  ['400 InlineDataTooLarge', 400, 'InlineDataTooLarge'],
  ['400 EntityTooLarge', 400, 'EntityTooLarge'],
])('%s reduces the segment size as well', async (_, status, code) => {
  const link = new NarrowLink(({ size }) => (size === MiB ? { kind: 'refuse', status, code } : undefined));
  await link.run(link.object.append(new Blob([DATA.subarray(0, MiB)])));
  expect(link.sent).toEqual([MiB, MiB / 2, MiB / 2]);
});

test('if the length is refused after an attempt without an answer, the whole segment is recognised when it is carried out late', async () => {
  const link = new NarrowLink(({ operation, nth }) => {
    if (operation !== 'AppendObject') return undefined;
    if (nth === 1) return { kind: 'commit-late', delay: 62_000 + 300 };
    return nth === 2 ? { kind: 'limit', bytes: 1000 } : { kind: 'answer-late', delay: 1000 };
  });
  const data = DATA.subarray(0, MiB);
  await link.run(link.object.append(new Blob([data])));
  expect(link.holds(data)).toBe(true);
});
