/**
 * Kills the command in the middle of its work, again and again, and compares what is stored with what was answered.
 * Every answer counts: a write that was acknowledged, and a length that somebody read.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { OssClient } from '../../../../src/index.ts';
import { randomFrom } from '../../../engine/exactly-once/random.ts';
import { sign } from '../../tools.ts';
import { type Command, startCommand } from './command.ts';

const SEED = Number(process.env['OSS_APPEND_SEED'] ?? 20_261_128);
const LIVES = Number(process.env['OSS_APPEND_LIVES'] ?? 12);
const random = randomFrom(SEED);

const folder = await mkdtemp(join(tmpdir(), 'oss-append-kill-'));
afterAll(() => rm(folder, { recursive: true }));

/** What is known of one object. */
class Expected {
  /** The bytes that were acknowledged. */
  bytes: Buffer = Buffer.alloc(0);
  /** The append that got no answer. It may be stored, as a whole. */
  pending: Buffer = Buffer.alloc(0);
  /** The largest length that an answer has shown. */
  seen = 0;

  /** Checks what is stored now, and takes it as the truth for the next life. */
  settle(stored: Buffer, key: string): void {
    const possible = [this.bytes.length, this.bytes.length + this.pending.length];
    expect(possible, `the length of ${key}`).toContain(stored.length);
    expect(stored.length, `the length of ${key} that was read`).toBeGreaterThanOrEqual(this.seen);
    const all = Buffer.concat([this.bytes, this.pending]).subarray(0, stored.length);
    expect(stored.equals(all), `the bytes of ${key}`).toBe(true);
    this.bytes = stored;
    this.pending = Buffer.alloc(0);
    this.seen = stored.length;
  }
}

const objects = new Map(['a', 'b/c', 'ü d', 'large'].map((key) => [key, new Expected()]));

function clientOf({ env }: Command): OssClient {
  const { OSS_ENDPOINT: endpoint, OSS_REGION: region = '', OSS_BUCKET: bucket = '' } = env;
  const { OSS_ACCESS_KEY_ID: accessKeyId = '', OSS_ACCESS_KEY_SECRET: accessKeySecret = '' } = env;
  const retry = { maxAttempts: 1 };
  return new OssClient({ region, bucket, endpoint, credentials: { accessKeyId, accessKeySecret }, retry });
}

/** Returns random bytes. Most appends are short, and those to the object "large" need many writes of the system. */
function someBytes(key: string): Buffer {
  const length = 1 + Math.floor(random() * (key === 'large' ? 4_000_000 : 3000));
  return Buffer.alloc(length, String.fromCharCode(33 + Math.floor(random() * 90)) + length);
}

/** Appends to one object until the command is dead. */
async function write(client: OssClient, key: string, onsent: () => void): Promise<void> {
  const object = objects.get(key)!;
  for (;;) {
    object.pending = someBytes(key);
    const sent = client.appendObject(key, object.pending, { position: object.bytes.length });
    onsent();
    const answer = await sent.catch((error: { name: string }) => {
      expect(error.name).toBe('TransportError');
    });
    if (!answer) return;
    object.bytes = Buffer.concat([object.bytes, object.pending]);
    object.pending = Buffer.alloc(0);
    object.seen = answer.nextAppendPosition;
  }
}

/** Reads lengths until the command is dead. */
async function read(client: OssClient): Promise<void> {
  for (;;) {
    for (const [key, object] of objects) {
      const head = await client.headObject(key).catch((error: { name: string; status?: number }) => error);
      if (head instanceof Error && 'status' in head && head.status === 404) continue;
      if (!('contentLength' in head)) return;
      object.seen = Math.max(object.seen, head.contentLength ?? 0);
    }
  }
}

/** Compares all objects with what is expected. */
async function settleAll(client: OssClient): Promise<void> {
  for (const [key, object] of objects) {
    const content = await client.getObject(key).catch((error: { status?: number }) => {
      if (error.status === 404) return undefined;
      throw error;
    });
    object.settle(Buffer.from(await new Response(content?.body ?? null).arrayBuffer()), key);
  }
}

test(`${LIVES} processes that are ended by SIGKILL lose no append that was answered (seed ${SEED})`, async () => {
  const args = ['--bucket', 'logs', '--data', join(folder, 'data')];
  let [answered, cuts, inFlight] = [0, 0, 0];
  for (let life = 0; life < LIVES; life++) {
    const command = await startCommand(args);
    const client = clientOf(command);
    cuts += command.warnings().includes('unfinished record') ? 1 : 0;
    await settleAll(client);
    let left = 1 + Math.floor(random() * 60);
    const turns = Math.floor(random() * 40);
    const onsent = async () => {
      answered++;
      if (--left !== 0) return;
      // After a few turns of the event loop, the kill comes at another moment of the requests in flight.
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      command.child.kill('SIGKILL');
    };
    const exit = once(command.child, 'exit');
    await Promise.all([...[...objects.keys()].map((key) => write(client, key, onsent)), read(client)]);
    expect(await exit).toEqual([null, 'SIGKILL']);
    inFlight += [...objects.values()].filter(({ pending }) => pending.length > 0).length;
  }
  const last = await startCommand(args);
  await settleAll(clientOf(last));
  last.child.kill('SIGTERM');
  expect(await once(last.child, 'exit')).toEqual([0, null]);
  const size = [...objects.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  console.log(
    `${answered} appends, ${inFlight} in flight at the ends, ${cuts} unfinished records cut, ${size} bytes compared`,
  );
  expect(answered).toBeGreaterThan(LIVES * 4);
  expect(inFlight).toBeGreaterThan(LIVES);
});

test('a bucket and its CORS rules are there after a SIGKILL that follows the answer at once', async () => {
  const accessKey = { accessKeyId: 'ak', accessKeySecret: 'sk' };
  const args = ['--bucket', 'logs', '--data', join(folder, 'buckets'), '--access-key', 'ak:sk'];
  const send = (endpoint: string, method: string, query: Record<string, string>, body?: string) => {
    const headers = body ? { 'content-type': 'text/plain;charset=UTF-8' } : {};
    const request = { method, bucket: 'photos', key: '', query, headers, origin: `${endpoint}/photos` };
    const signed = sign(request, { ...accessKey, time: Date.now() });
    return fetch(signed.url, { method, headers: signed.headers, ...(body ? { body } : {}) });
  };
  const rule = '<AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod>';
  const xml = `<CORSConfiguration><CORSRule>${rule}</CORSRule></CORSConfiguration>`;
  const first = await startCommand(args);
  const { OSS_ENDPOINT: endpoint = '' } = first.env;
  expect((await send(endpoint, 'PUT', {})).status).toBe(200);
  expect((await send(endpoint, 'PUT', { cors: '' }, xml)).status).toBe(200);
  first.child.kill('SIGKILL');
  expect(await once(first.child, 'exit')).toEqual([null, 'SIGKILL']);
  const second = await startCommand(args);
  const answer = await send(second.env['OSS_ENDPOINT'] ?? '', 'GET', { cors: '' });
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('https://a.example')]);
  second.child.kill('SIGTERM');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
});
