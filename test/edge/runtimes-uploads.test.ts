/** Tests the edge of the demo in Node, workerd, Deno and Bun over real HTTP: every way stores each byte once. */

import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PipeClient } from '../../demo/page/client/pipe.ts';
import { PageGrants } from '../../src/edge/index.ts';
import { AppendableObject, crc64, credentialsFromUrl, OssClient } from '../../src/index.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import { MIB, MOST, RemoteCloud, RemoteEdge } from './remote-edge.ts';
import { installedRuntimes } from './runtimes.ts';
import { noise, streamOf } from './senders.ts';
import { BUCKET, uploadPath } from './world.ts';

let cloud: RemoteCloud;
beforeAll(async () => {
  cloud = await RemoteCloud.start();
});
afterAll(() => cloud.close());

describe.each(installedRuntimes())('in %s', (name, start) => {
  let edge: RemoteEdge;
  beforeAll(async () => {
    edge = await RemoteEdge.start(start, cloud, { MAX_OBJECT_SIZE: String(MOST) });
  }, 60_000);
  afterAll(() => edge?.stop());

  test('a token appends under the prefix of its user and nowhere else, and an edge with a quota gives no token', async () => {
    expect((await edge.browser.fetch('/token', { method: 'POST' })).status).toBe(403);
    const unlimited = await RemoteEdge.start(start, cloud, {});
    try {
      const credentials = credentialsFromUrl('/token', { method: 'POST', fetch: unlimited.browser.fetch });
      const client = new OssClient({ ...cloud.place(), credentials });
      const bytes = noise(3 * MIB);
      const key = `${unlimited.prefix}token.bin`;
      await new AppendableObject(client, key, { segmentSize: 512 * 1024 }).append(new Blob([bytes]));
      expect(cloud.has(key, bytes)).toBe(true);
      await expect(client.appendObject(`inbox/other/${name}`, 'x', { position: 0 })).rejects.toMatchObject({
        code: 'AccessDenied',
      });
    } finally {
      await unlimited.stop();
    }
  });

  test.each([1, 4])('a file is appended with grants, %i for each request to the edge', async (ahead) => {
    const segmentSize = 512 * 1024;
    const grants = new PageGrants('', { ahead, segmentSize, fetch: edge.browser.fetch });
    const client = new PresignedClient({ presign: grants.presign });
    const bytes = noise(3 * MIB + 5, ahead);
    const object = new AppendableObject(client, `${edge.prefix}grants-${ahead}.bin`, { segmentSize });
    grants.end = bytes.length;
    await object.append(new Blob([bytes]));
    expect(cloud.has(object.key, bytes)).toBe(true);
  });

  test('a body of unknown length is appended, and the answer is the tail of the object', async () => {
    const bytes = noise(5 * MIB + 7);
    const key = `${edge.prefix}uploaded ü.bin`;
    const headers = { 'content-type': 'audio/webm' };
    const response = await edge.upload(key, streamOf(bytes, 100_000), { duplex: 'half', headers });
    expect(await response.json()).toEqual({ position: bytes.length, hashCrc64ecma: String(crc64(bytes)) });
    expect(cloud.has(key, bytes)).toBe(true);
    expect(cloud.oss.object(BUCKET, key)?.headers['content-type']).toBe('audio/webm');
  });

  test('the rest of a file is appended at the tail, and refused everywhere else', async () => {
    const key = `${edge.prefix}resumed.bin`;
    const bytes = noise(2 * MIB);
    await edge.upload(key, bytes.subarray(0, 1000));
    const wrong = await edge.upload(key, bytes.subarray(2000), {}, '?position=2000');
    expect(wrong.status).toBe(409);
    expect((await wrong.json()).tail.position).toBe(1000);
    const position = await edge.positionOf(key);
    const rest = streamOf(bytes.slice(position), 50_000);
    expect((await edge.upload(key, rest, { duplex: 'half' }, `?position=${position}`)).status).toBe(200);
    expect(cloud.has(key, bytes)).toBe(true);
    expect((await edge.upload(key, bytes, {}, '?position=-1')).status).toBe(400);
    // The limit is for the object, whatever the number of uploads is.
    const more = streamOf(noise(MOST - 1000), MIB);
    const over = await edge.upload(key, more, { duplex: 'half' }).catch(() => undefined);
    if (over) expect(over.status).toBe(413);
    expect(cloud.oss.object(BUCKET, key)?.length).toBeLessThanOrEqual(MOST);
  });

  test('the sender has to wait while OSS does not answer', { timeout: 60_000 }, async () => {
    cloud.gate.close();
    let given = 0;
    const before = cloud.arrived;
    const bytes = noise(MOST);
    const key = `${edge.prefix}waiting.bin`;
    const body = streamOf(bytes, 64 * 1024, (length) => {
      given += length;
    });
    const work = edge.upload(key, body, { duplex: 'half' });
    try {
      const most = await settled(() => given);
      expect(cloud.arrived - before).toBe(1);
      // The edge holds two segments. The other bytes are in the buffers of the sockets: 4 MiB, 8 MiB with Bun, and 17
      // MiB with Bun on a busy machine.
      expect(most).toBeLessThan(20 * MIB);
      expect(cloud.oss.object(BUCKET, key)).toBeUndefined();
    } finally {
      cloud.gate.open();
    }
    expect((await (await work).json()).position).toBe(MOST);
    expect(cloud.has(key, bytes)).toBe(true);
  });

  test('a body that is too long is refused: at once if it announces its length, and at the limit otherwise', async () => {
    const key = `${edge.prefix}long`;
    const headers = { 'content-length': String(MOST + 1) };
    expect(await edge.ask({ method: 'POST', path: uploadPath(key), headers })).toBe(413);
    expect(cloud.oss.object(BUCKET, key)).toBeUndefined();
    const endless = new ReadableStream(
      { pull: (controller) => controller.enqueue(new Uint8Array(MIB)) },
      { highWaterMark: 0 },
    );
    const response = await edge.upload(key, endless, { duplex: 'half' }).catch(() => undefined);
    // The runtime may close the connection of a sender that does not stop, before the sender reads the answer.
    if (response) expect(response.status).toBe(413);
    expect(cloud.oss.object(BUCKET, key)?.length ?? 0).toBeLessThanOrEqual(MOST);
    expect((await edge.browser.post('/grant', { key: 'x'.repeat(9000) })).status).toBe(413);
  });

  test.each<[how: string, framing: string, cut: (socket: Socket) => void]>([
    ['unknown length, connection closed', 'transfer-encoding: chunked', (socket) => socket.destroy()],
    ['unknown length, sender ends', 'transfer-encoding: chunked', (socket) => socket.end()],
    ['announced length, connection closed', `content-length: ${4 * MIB}`, (socket) => socket.destroy()],
    ['announced length, sender ends', `content-length: ${4 * MIB}`, (socket) => socket.end()],
    ['announced length, connection reset', `content-length: ${4 * MIB}`, (socket) => socket.resetAndDestroy()],
  ])(
    'a sender whose connection breaks gets no success, loses no confirmed byte, and can continue: %s',
    async (how, framing, cut) => {
      const key = `${edge.prefix}cut ${how}.bin`;
      const bytes = noise(4 * MIB);
      const chunked = framing.startsWith('transfer');
      const answer = await edge.converse(
        [
          edge.headOf(uploadPath(key), framing),
          chunked ? `${(3 * MIB).toString(16)}\r\n` : '',
          bytes.subarray(0, 3 * MIB),
        ],
        {
          cut: async (socket) => {
            const stored = () => cloud.oss.object(BUCKET, key)?.length ?? 0;
            await expect.poll(stored, { timeout: 60_000 }).toBeGreaterThan(0);
            cut(socket);
          },
        },
      );
      expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
      // The append in flight may still be stored. Then the edge answers 409, and the client asks for the position
      // again.
      for (let status = 0; status !== 200; ) {
        const position = await edge.positionOf(key);
        expect(position).toBeLessThanOrEqual(3 * MIB);
        const stored = cloud.oss.object(BUCKET, key)?.bytes() ?? new Uint8Array();
        expect(Buffer.compare(stored, bytes.subarray(0, stored.length))).toBe(0);
        status = (await edge.upload(key, bytes.subarray(position), {}, `?position=${position}`)).status;
        expect([200, 409]).toContain(status);
      }
      expect(cloud.has(key, bytes)).toBe(true);
    },
  );

  test('after Stop and an immediate Resume, the file is stored once, even if the edge still works on the first request', {
    timeout: 120_000,
  }, async () => {
    const file = new File([noise(6 * MIB)], 'a.bin', { type: 'video/webm' });
    const key = `${edge.prefix}stopped.bin`;
    const { fetch } = edge.browser;
    const reader = new PresignedClient({ presign: new PageGrants(edge.url, { fetch }).presign, fetch });
    const client = new PipeClient({ edge: edge.url, fetch, reader });
    const first = new AppendableObject(client, key, { segmentSize: 4 * MIB });
    const stop = new AbortController();
    const stopped = first.append(file, { signal: stop.signal }).catch(() => 'stopped');
    await expect
      .poll(() => cloud.oss.object(BUCKET, key)?.length ?? 0, { interval: 1, timeout: 60_000 })
      .toBeGreaterThan(0);
    stop.abort();
    await new AppendableObject(client, key, { segmentSize: 4 * MIB }).resume(file);
    await stopped;
    expect(cloud.has(key, new Uint8Array(await file.arrayBuffer()))).toBe(true);
  });

  // After its answer, workerd closes the connection of a sender that continues. Only a sender that reads in the
  // meantime gets the answer.
  test(`a refusal arrives although the sender still has 13 MB to send${name === 'workerd' ? ', if the sender reads in the meantime' : ''}`, async () => {
    const key = `${edge.prefix}refused.bin`;
    const head = edge.headOf(`${uploadPath(key)}?position=5`, 'content-length: 13000000');
    const answer = await edge.converse([head, noise(13_000_000)], { readsLast: name !== 'workerd' });
    expect(answer).toMatch(/^HTTP\/1\.1 409 .*"error":"PositionNotEqualToLength"/s);
    expect(cloud.oss.object(BUCKET, key)).toBeUndefined();
  });

  test('no answer and no log contains a secret of the edge', () => edge.expectNoSecrets());
});

/** Returns a value after it has not changed for half a second. There is no event when another process stops to read. */
async function settled(value: () => number): Promise<number> {
  for (let last = -1, still = 0; still < 5; last = value()) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    still = value() === last && last > 0 ? still + 1 : 0;
  }
  return value();
}
