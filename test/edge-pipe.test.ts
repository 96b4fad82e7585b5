/** Stop and Resume through the pipe: a request that was stopped may still be carried out, and is nobody else's. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Call, makeTarget, type Target } from '../demo/page/ways.ts';
import type { FaultSchedule, LocalOss } from '../src/testing/index.ts';
import { BUCKET, EDGE, edgeOf, makeCloud, noise } from './edge-tools.ts';
import { drive, failureOf, VirtualClock } from './unit-tools.ts';

const KEY = 'inbox/u1/file.bin';
const bytes = noise(5000);
const file = new File([bytes], 'file.bin', { type: 'video/webm' });
const START = { position: 0, hashCrc64ecma: '0' };

let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});

/** A page's target whose requests to the edge are told before they are made. */
function page(onrequest: (request: Request, oss: LocalOss) => void, faults: FaultSchedule = []) {
  const { oss } = makeCloud({ faults });
  const edge = edgeOf(oss);
  const answers: number[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    const request = new Request(url, init);
    onrequest(request, oss);
    const response = await edge(request);
    answers.push(response.status);
    return response;
  };
  const client = { region: 'cn-hangzhou', bucket: BUCKET, fetch, clock };
  const target = makeTarget({
    ...{ way: 'pipe', edge: EDGE, client, key: KEY, tail: undefined, contentType: undefined },
    segmentSize: 1000,
  });
  return { oss, target, answers };
}

const call = (signal: AbortSignal = new AbortController().signal): Call => ({ signal, onprogress: () => {} });

function resume(target: Target, oss: LocalOss, signal?: AbortSignal) {
  return drive(target.resume(file, START, call(signal)), clock, oss);
}

function isStoredOnce(oss: LocalOss): boolean {
  return Buffer.compare(oss.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(), bytes) === 0;
}

/** Before each POST, so many more bytes of the file are stored: the request that was stopped is still being carried out. */
function stillStoring(sizes: number[]) {
  return ({ method }: Request, oss: LocalOss) => {
    const size = method === 'POST' ? sizes.shift() : undefined;
    const at = oss.object(BUCKET, KEY)?.length ?? 0;
    if (size) oss.appendObject(BUCKET, KEY, bytes.subarray(at, at + size));
  };
}

describe('a resume behind a request that is still being carried out', () => {
  test.each<[what: string, sizes: number[]]>([
    ['one more segment comes', [1000]],
    ['a segment of another length comes', [1234]],
    ['many come, one before each look', [100, 200, 300, 400, 100, 200, 300, 400, 100, 200]],
    ['all of it comes', [5000]],
  ])('looks again and goes on from the new end: %s', async (_, sizes) => {
    const refusals = sizes.length;
    const { oss, target, answers } = page(stillStoring(sizes));
    await resume(target, oss);
    expect(isStoredOnce(oss)).toBe(true);
    expect(answers.filter((status) => status === 409)).toHaveLength(refusals);
    expect(target.tail?.position).toBe(5000);
    expect(clock.waiting).toBe(0);
  });

  test('goes on where the late segment comes between two of its own', async () => {
    const late = {
      kind: 'rival',
      operation: 'AppendObject',
      nth: 2,
      when: 'before',
      bytes: bytes.slice(1000, 1777),
    } as const;
    const { oss, target, answers } = page(() => {}, [late]);
    await resume(target, oss);
    expect(isStoredOnce(oss)).toBe(true);
    expect(answers).toContain(409);
  });

  test('goes on where the refusal reaches the page as a broken connection', async () => {
    let broken = 0;
    const storing = stillStoring([1000]);
    const { oss, target } = page((request, store) => {
      storing(request, store);
      if (request.method === 'POST' && broken++ === 0) throw new TypeError('Failed to fetch');
    });
    await resume(target, oss);
    expect(isStoredOnce(oss)).toBe(true);
  });

  test('is no resume where the bytes are not the file’s: they are never taken for ours', async () => {
    const { oss, target } = page(({ method }, store) => {
      if (method === 'POST') store.appendObject(BUCKET, KEY, noise(1000, 99));
    });
    expect(String(await failureOf(resume(target, oss)))).toContain('not the beginning of this file');
    expect(oss.object(BUCKET, KEY)?.length).toBe(1000);
  });

  test('ends when the edge refuses again and again, although the end does not move', async () => {
    const { oss } = makeCloud();
    const refusal = Response.json(
      { error: 'PositionNotEqualToLength', message: 'It does not end there' },
      { status: 409 },
    );
    const tail = Response.json(START);
    let posts = 0;
    const fetch = async (_: string, { method }: RequestInit) => {
      if (method !== 'POST') return tail.clone();
      posts++;
      return refusal.clone();
    };
    const client = { region: 'cn-hangzhou', bucket: BUCKET, fetch, clock };
    const target = makeTarget({
      ...{ way: 'pipe', edge: EDGE, client, key: KEY, tail: undefined, contentType: undefined },
      segmentSize: 1000,
    });
    expect(String(await failureOf(resume(target, oss)))).toContain('HTTP 409: It does not end there');
    expect(posts).toBe(7);
  });

  test('heeds Stop while it waits', async () => {
    const stop = new AbortController();
    const { oss, target } = page((request, store) => {
      stillStoring([10])(request, store);
      if (request.method === 'POST') queueMicrotask(() => setImmediate(() => stop.abort(new Error('stopped'))));
    });
    expect(String(await failureOf(resume(target, oss, stop.signal)))).toContain('stopped');
    expect(clock.waiting).toBe(0);
  });
});

describe('the edge’s refusal', () => {
  const HONEST = /another writer.*earlier upload of yours.*still/is;
  const send = (edge: ReturnType<typeof edgeOf>, query = '') =>
    edge(new Request(`${EDGE}/upload/${encodeURIComponent(KEY)}${query}`, { method: 'POST', body: noise(2500) }));

  test('of a position that is not the end names both causes, and tells the tail', async () => {
    const { oss } = makeCloud();
    oss.appendObject(BUCKET, KEY, noise(10));
    const response = await send(edgeOf(oss), '?position=0');
    const answer = await response.json();
    expect([response.status, answer]).toMatchObject([
      409,
      { error: 'PositionNotEqualToLength', tail: { position: 10 }, loaded: 0 },
    ]);
    expect(answer.message).toMatch(HONEST);
  });

  test('of an upload between whose segments others came does not say that it was someone else', async () => {
    const { oss } = makeCloud({
      faults: [{ kind: 'rival', operation: 'AppendObject', nth: 2, when: 'before', bytes: noise(7) }],
    });
    const response = await send(edgeOf(oss));
    const answer = await response.json();
    expect([response.status, answer]).toMatchObject([409, { error: 'AppendConflict', loaded: 1000 }]);
    expect(answer.message).toMatch(HONEST);
  });
});
