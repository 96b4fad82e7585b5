/** Tests that the pipe of the demo page resumes through the edge: the stopped request may still be carried out. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PipeClient } from '../../demo/page/client/pipe.ts';
import { PageGrants } from '../../src/edge/index.ts';
import { AppendableObject, PresignedClient } from '../../src/index.ts';
import type { FaultSchedule, LocalOss } from '../../src/testing/index.ts';
import { failureOf } from '../tools/unit-tools.ts';
import { drive, VirtualClock } from '../tools/virtual-clock.ts';
import { noise } from './senders.ts';
import { BUCKET, EDGE, edgeOf, hasBytes, makeCloud, uploadRequest } from './world.ts';

const KEY = 'inbox/u1/file.bin';
const bytes = noise(5000);
const file = new File([bytes], 'file.bin', { type: 'video/webm' });
const START = { position: 0, hashCrc64ecma: '0' };

let clock: VirtualClock;
beforeEach(() => {
  clock = new VirtualClock();
});

/** Returns the object of a page. The function `onrequest` gets each request to the edge before the edge gets it. */
function page(onrequest: (request: Request, oss: LocalOss) => void, faults: FaultSchedule = []) {
  const { oss } = makeCloud({ faults });
  const edge = edgeOf(oss);
  const answers: number[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    if (!url.startsWith(EDGE)) return oss.fetch(url, init);
    const request = new Request(url, init);
    onrequest(request, oss);
    const response = await edge(request);
    answers.push(response.status);
    return response;
  };
  return { oss, target: targetOf(fetch), answers };
}

/** Returns the object of a page that sends its requests with `fetch`. */
function targetOf(fetch: (url: string, init: RequestInit) => Promise<Response>): AppendableObject {
  const reader = new PresignedClient({ presign: new PageGrants(EDGE, { fetch }).presign, fetch, clock });
  return new AppendableObject(new PipeClient({ edge: EDGE, fetch, reader }), KEY, { segmentSize: 1000 });
}

function resume(target: AppendableObject, oss: LocalOss, signal?: AbortSignal) {
  return drive(target.resume(file, { signal }), clock, oss);
}

/** Stores this many more bytes of the file before each POST, as if the edge still carried out the stopped request. */
function stillStoring(sizes: number[]) {
  return ({ method }: Request, oss: LocalOss) => {
    const size = method === 'POST' ? sizes.shift() : undefined;
    const at = oss.object(BUCKET, KEY)?.length ?? 0;
    if (size) oss.appendObject(BUCKET, KEY, bytes.subarray(at, at + size));
  };
}

describe('a resume while the edge still carries out the stopped request', () => {
  test.each<[what: string, sizes: number[]]>([
    ['one more segment is stored', [1000]],
    ['a segment of another length is stored', [1234]],
    ['many segments are stored, one before each request', [100, 200, 300, 400, 100, 200, 300, 400, 100, 200]],
    ['the whole file is stored', [5000]],
  ])('asks for the tail again and continues there: %s', async (_, sizes) => {
    const refusals = sizes.length;
    const { oss, target, answers } = page(stillStoring(sizes));
    await resume(target, oss);
    expect(hasBytes(oss, KEY, bytes)).toBe(true);
    expect(answers.filter((status) => status === 409)).toHaveLength(refusals);
    expect(target.tail?.position).toBe(5000);
    expect(clock.waiting).toBe(0);
  });

  test('continues when a late segment is stored between two of its own segments', async () => {
    const late = {
      kind: 'rival',
      operation: 'AppendObject',
      nth: 2,
      when: 'before',
      bytes: bytes.slice(1000, 1777),
    } as const;
    const { oss, target, answers } = page(() => {}, [late]);
    await resume(target, oss);
    expect(hasBytes(oss, KEY, bytes)).toBe(true);
    expect(answers).toContain(409);
  });

  test('continues when the page sees only a broken connection in place of the refusal', async () => {
    let broken = 0;
    const storing = stillStoring([1000]);
    const { oss, target } = page((request, store) => {
      storing(request, store);
      if (request.method === 'POST' && broken++ === 0) throw new TypeError('Failed to fetch');
    });
    await resume(target, oss);
    expect(hasBytes(oss, KEY, bytes)).toBe(true);
  });

  test('fails if the stored bytes are not the beginning of the file', async () => {
    let posts = 0;
    const { oss, target } = page(({ method }, store) => {
      if (method === 'POST' && posts++ === 0) store.appendObject(BUCKET, KEY, noise(1000, 99));
    });
    expect(String(await failureOf(resume(target, oss)))).toContain('are not the beginning of this Blob');
    expect(oss.object(BUCKET, KEY)?.length).toBe(1000);
  });

  test('fails after some refusals if the tail does not change', async () => {
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
    expect(String(await failureOf(resume(targetOf(fetch), oss)))).toContain('(HTTP 409) It does not end there');
    // A client that got no answer of OSS itself makes five attempts.
    expect(posts).toBe(5);
  });

  test('ends when the user presses Stop while it waits', async () => {
    const stop = new AbortController();
    const { oss, target } = page((request, store) => {
      stillStoring([10])(request, store);
      if (request.method === 'POST') queueMicrotask(() => setImmediate(() => stop.abort(new Error('stopped'))));
    });
    expect(String(await failureOf(resume(target, oss, stop.signal)))).toContain('stopped');
    expect(clock.waiting).toBe(0);
  });
});

describe('a refusal of the edge', () => {
  const BOTH_CAUSES = /another writer.*earlier upload of yours.*still/is;
  const request = (query = '') => uploadRequest(noise(2500), { key: KEY, query });

  test('for a wrong position names both possible causes and the tail', async () => {
    const { oss } = makeCloud();
    oss.appendObject(BUCKET, KEY, noise(10));
    const response = await edgeOf(oss)(request('?position=0'));
    const answer = await response.json();
    expect([response.status, answer]).toMatchObject([
      409,
      { error: 'PositionNotEqualToLength', tail: { position: 10 }, loaded: 0 },
    ]);
    expect(answer.message).toMatch(BOTH_CAUSES);
  });

  test('for an upload that was interrupted by other bytes names both possible causes', async () => {
    const { oss } = makeCloud({
      faults: [{ kind: 'rival', operation: 'AppendObject', nth: 2, when: 'before', bytes: noise(7) }],
    });
    const response = await edgeOf(oss)(request());
    const answer = await response.json();
    expect([response.status, answer]).toMatchObject([409, { error: 'AppendConflict', loaded: 1000 }]);
    expect(answer.message).toMatch(BOTH_CAUSES);
  });
});
