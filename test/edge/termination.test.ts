/** Tests a deletion that meets other requests for the same upload, and a store that does not answer a deletion. */
import { describe, expect, test } from 'vitest';
import type { EdgeOptions } from '../../src/edge/index.ts';
import { clockAt, drive, VirtualClock } from '../tools/virtual-clock.ts';
import { Gate, noise, streamOf } from './senders.ts';
import { type Headers, keyOf, START, sized, UploadWorld } from './upload-client.ts';
import { BUCKET, placeOf } from './world.ts';

const bytes = noise(500);

/** The headers of a PATCH with all the bytes that are left, in each standard. */
const STANDARDS: readonly (readonly [standard: string, headers: Headers])[] = [
  ['tus', { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' }],
  ['the draft of the IETF', { 'upload-complete': '?1', 'content-type': 'application/partial-upload' }],
];

/** Makes an edge whose appends with bytes wait at a gate before they reach the store. */
function gatedEdge(world: UploadWorld, options: Partial<EdgeOptions>) {
  const gate = new Gate();
  let waiting = 0;
  const uploaded: object[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    if (init.method === 'POST' && init.body) {
      waiting++;
      await gate.passed;
    }
    return world.oss.fetch(url, init);
  };
  const oss = { ...placeOf(world.oss), fetch, retry: { baseDelay: 1 } };
  const edge = world.edgeWith({ oss, onuploaded: (upload) => void uploaded.push(upload), ...options });
  return { edge, gate, uploaded, arrived: () => waiting };
}

describe.each(STANDARDS)('an append of %s that is in flight when its upload is deleted', (_, headers) => {
  /** Starts an append, lets `end` run while the append is in flight, and returns the answer to the append. */
  async function appendWhile(
    world: UploadWorld,
    { edge, gate, arrived }: ReturnType<typeof gatedEdge>,
    { path, offset, end }: { path: string; offset: number; end: () => Promise<unknown> | undefined },
  ) {
    gate.close();
    const sent = { headers: { ...headers, 'upload-offset': String(offset) }, body: bytes.slice(offset) };
    const work = world.send('PATCH', path, sent, edge);
    await expect.poll(arrived).toBe(1);
    await end();
    gate.open();
    return work;
  }

  test.each([0, 100])(
    'at the offset %i is answered with 404, leaves no object, and completes no upload',
    async (offset) => {
      const world = new UploadWorld();
      const gated = gatedEdge(world, { deletesUploads: true });
      const path = await world.create(500);
      if (offset > 0) await world.patch(path, 0, bytes.slice(0, offset));
      const end = async () => expect((await world.tus('DELETE', path, {}, gated.edge)).status).toBe(204);
      const response = await appendWhile(world, gated, { path, offset, end });
      expect([response.status, (await response.json()).error]).toEqual([404, 'NoSuchUpload']);
      expect([world.object(path), gated.uploaded]).toEqual([undefined, []]);
      expect((await world.tus('HEAD', path)).status).toBe(404);
    },
  );

  test('by somebody else is answered with 404, and completes no upload', async () => {
    const world = new UploadWorld();
    const gated = gatedEdge(world, {});
    const path = await world.create(500);
    const end = async () => world.oss.deleteObject(BUCKET, keyOf(path));
    const response = await appendWhile(world, gated, { path, offset: 0, end });
    expect([response.status, gated.uploaded]).toEqual([404, []]);
    // The edge may not delete, so the object that the append created stays. It belongs to no upload.
    expect(world.object(path)?.length).toBe(500);
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      const all = { ...headers, 'upload-offset': '500' };
      const options = { deletesUploads: true };
      expect((await world.send(method, path, { headers: all }, world.edgeWith(options))).status).toBe(404);
    }
    expect(world.object(path)?.length).toBe(500);
  });

  test('is answered with 404 if its bytes are now in a new upload with the same key', async () => {
    const world = new UploadWorld();
    const gated = gatedEdge(world, { deletesUploads: true });
    const name = '/upload/inbox%2Fu1%2Fsame';
    const path = await world.create(500, {}, name);
    let next = '';
    const end = async () => {
      await world.tus('DELETE', path, {}, gated.edge);
      next = await world.create(700, {}, name);
    };
    const response = await appendWhile(world, gated, { path, offset: 0, end });
    expect([response.status, gated.uploaded]).toEqual([404, []]);
    expect(await world.offset(next)).toBe(500);
  });

  test('is answered with 404 and leaves no object, although its body is too long too', async () => {
    const world = new UploadWorld();
    const gated = gatedEdge(world, { deletesUploads: true, segmentSize: 100 });
    const path = await world.create(300);
    gated.gate.close();
    const sent = { headers: { ...headers, 'upload-offset': '0' }, body: streamOf(bytes, 150) };
    const work = world.send('PATCH', path, sent, gated.edge);
    await expect.poll(gated.arrived).toBe(1);
    await world.tus('DELETE', path, {}, gated.edge);
    gated.gate.open();
    expect([(await work).status, world.object(path)]).toEqual([404, undefined]);
  });
});

test('a client deletes only the object of its upload, and not a newer object with the same key', async () => {
  const world = new UploadWorld();
  const edge = world.edgeWith({ deletesUploads: true });
  const path = await world.create(5);
  world.oss.deleteObject(BUCKET, keyOf(path));
  world.oss.appendObject(BUCKET, keyOf(path), bytes);
  expect((await world.tus('DELETE', path, {}, edge)).status).toBe(404);
  expect((await world.patch(path, 0, 'hello', sized(5))).status).toBe(404);
  expect(world.object(path)?.length).toBe(500);
});

describe('a deletion', () => {
  test('that is only allowed adds no request to an append that OSS never answers', async () => {
    const world = new UploadWorld();
    const path = await world.create(500);
    const clock = new VirtualClock(START);
    let asked = 0;
    const fetch = (url: string, init: RequestInit) => {
      if (asked === 0 && init.method === 'HEAD') return world.oss.fetch(url, init);
      asked++;
      return new Promise<Response>(() => {});
    };
    const oss = { ...placeOf(world.oss), fetch, clock, timeout: 1000, retry: { maxAttempts: 1 } };
    const edge = world.edgeWith({ oss, deletesUploads: true });
    const piece = { ...STANDARDS[0]?.[1], 'upload-offset': '0' };
    const work = world.tus('PATCH', path, { headers: piece, body: bytes }, edge);
    await expect.poll(() => asked).toBe(1);
    expect((await drive(work, clock, world.oss)).status).toBe(502);
    // One append, and one look at its outcome.
    expect([asked, clock.now() - START]).toEqual([2, 2000]);
  });

  test('that OSS never answers is refused with 502 after its time-outs', async () => {
    const world = new UploadWorld();
    const path = await world.create(5);
    const clock = new VirtualClock(START);
    let asked = 0;
    const fetch = (url: string, init: RequestInit) => {
      if (init.method !== 'DELETE') return world.oss.fetch(url, init);
      asked++;
      return new Promise<Response>(() => {});
    };
    const oss = { ...placeOf(world.oss), fetch, clock, timeout: 1000 };
    const edge = world.edgeWith({ oss, deletesUploads: true });
    const work = world.tus('DELETE', path, {}, edge);
    await expect.poll(() => asked).toBe(1);
    const response = await drive(work, clock, world.oss);
    expect([response.status, (await response.json()).error]).toEqual([502, 'TimeoutError']);
    expect(clock.waiting).toBe(0);
  });

  test('is repeated if the answer of OSS is lost', async () => {
    const world = new UploadWorld({ faults: [{ kind: 'drop-after', operation: 'DeleteObject', nth: 1 }] });
    const path = await world.create(5);
    const oss = { ...placeOf(world.oss), retry: { baseDelay: 1 } };
    const edge = world.edgeWith({ oss, deletesUploads: true });
    expect((await world.tus('DELETE', path, {}, edge)).status).toBe(204);
    expect(world.object(path)).toBeUndefined();
  });

  test('works with a clock that is an hour wrong, like an append', async () => {
    const world = new UploadWorld();
    const path = await world.create(5);
    const clock = clockAt(() => Date.now() + 3_600_000);
    const edge = world.edgeWith({ oss: { ...placeOf(world.oss), clock }, deletesUploads: true });
    expect((await world.tus('DELETE', path, {}, edge)).status).toBe(204);
    expect(world.object(path)).toBeUndefined();
  });
});
