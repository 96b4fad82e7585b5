/**
 * Blobs of libraries against a plain HTTP server that is not LocalOss. Their bytes reach the server, although `fetch`
 * itself would send `[object Blob]`. The suite in test/runtimes tests the same in every runtime.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Window } from 'happy-dom';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { isSendable } from '../../src/bytes.ts';
import { type AppendSource, append, OssClient, SourceError } from '../../src/index.ts';
import { PolyfillBlob } from '../runtimes/polyfill-blob.ts';
import { failureOf, STS, utf8 } from '../tools/unit-tools.ts';

const MIB = 1024 * 1024;
const dom = new Window();

/** The requests that reached the server, in order. */
interface Arrived {
  readonly bytes: Buffer;
  readonly headers: IncomingMessage['headers'];
}

const arrived: Arrived[] = [];
let server: Server;
let client: OssClient;

/** Accepts every append as OSS does, and returns what it received. */
async function take(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  arrived.push({ bytes, headers: request.headers });
  const position = Number(new URL(request.url ?? '', 'http://e.com').searchParams.get('position'));
  return { 'x-oss-next-append-position': String(position + bytes.byteLength) };
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const isAppend = request.method === 'POST';
    const headers = isAppend ? await take(request) : {};
    response.writeHead(isAppend ? 200 : 404, { 'x-oss-request-id': 'RECORDED', ...headers }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => dom.happyDOM.close());
afterAll(() => server.close());

beforeEach(() => {
  arrived.length = 0;
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', endpoint, credentials: STS });
});

afterEach(() => void vi.unstubAllGlobals());

const all = () => Buffer.concat(arrived.map(({ bytes }) => bytes)).toString();

const TEXT = 'the bytes of a Blob';
const real = () => new Blob([TEXT], { type: 'text/plain' });

/** The smallest object that is accepted as a Blob. */
const duck = (blob = real()): Blob => {
  const { size, type } = blob;
  return {
    ...{ size, type, arrayBuffer: () => blob.arrayBuffer() },
    slice: (start?: number, end?: number) => duck(blob.slice(start, end)),
  } as Blob;
};

const BLOBS: [string, () => Blob][] = [
  ['a Blob of a polyfill', () => new PolyfillBlob([TEXT])],
  ['a Blob of a polyfill with a type', () => new PolyfillBlob([TEXT], { type: 'text/plain' })],
  ["a slice of a polyfill's Blob", () => new PolyfillBlob([`--${TEXT}--`]).slice(2, -2)],
  ['an object with the shape of a Blob', duck],
  ['a Blob of happy-dom', () => new dom.Blob([TEXT], { type: 'text/plain' }) as unknown as Blob],
  ['a File of happy-dom', () => new dom.File([TEXT], 'a.txt') as unknown as Blob],
  ['a Blob of the platform', real],
  ["a proxy of a platform's Blob", () => new Proxy(real(), {})],
];

describe.each(BLOBS)('%s', (_, make) => {
  test('is stored by appendObject', async () => {
    await client.appendObject('a', make(), { position: 0 });
    expect(arrived).toMatchObject([{ headers: { 'content-length': '19' } }]);
    expect([all(), arrived[0]?.headers['content-type']]).toEqual([TEXT, make().type || undefined]);
  });

  test('is stored by append, a segment at a time', async () => {
    await append(client, 'a', make(), { segmentSize: 4 });
    expect([all(), arrived.length]).toEqual([TEXT, 5]);
    expect(arrived.map(({ headers }) => headers['content-type'] ?? '')).toEqual([make().type, '', '', '', '']);
  });

  test('is stored as a chunk of a stream', async () => {
    await append(client, 'a', [make(), make()]);
    expect(all()).toBe(TEXT + TEXT);
  });
});

test('for a class that extends Blob and replaces `slice`, the bytes that `fetch` would send are stored', async () => {
  class OddBlob extends Blob {
    override slice(): Blob {
      return new Blob(['something else']);
    }
  }
  await append(client, 'a', new OddBlob([TEXT]), { segmentSize: 4 });
  expect(all()).toBe(TEXT);
});

describe('if a library has replaced the global Blob', () => {
  beforeEach(() => void vi.stubGlobal('Blob', dom.Blob));

  test('its Blobs are stored', async () => {
    const blob = new Blob([TEXT]);
    expect([blob.constructor === dom.Blob, isSendable(blob)]).toEqual([true, false]);
    await client.appendObject('a', blob, { position: 0 });
    await append(client, 'b', blob);
    expect(all()).toBe(TEXT + TEXT);
  });

  test('the segments of a stream, which become Blobs of the library, are stored', async () => {
    const piece = 'x'.repeat(100_000);
    await append(client, 'a', [piece, piece]);
    expect(all()).toBe(piece + piece);
  });
});

test('a long Blob of a library is read in parts', async () => {
  const reads: number[] = [];
  const size = 9 * MIB;
  const part = (length: number) =>
    ({
      size: length,
      type: '',
      slice: (start: number, end: number) => part(end - start),
      arrayBuffer: async () => {
        reads.push(length);
        return new ArrayBuffer(length);
      },
    }) as unknown as Blob;
  await append(client, 'a', part(size));
  expect(arrived.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)).toBe(size);
  expect(Math.max(...reads)).toBe(4 * MIB);
});

describe('a Blob whose contents differ from its size', () => {
  const lying = (members: Partial<Record<keyof Blob, unknown>>): Blob => Object.assign(duck(), members);
  const boom = () => {
    throw new Error('boom');
  };

  test.each([
    ['no size', Number.NaN],
    ['a size below 0', -1],
    ['a size that is not a whole number', 1.5],
    ['an infinite size', Number.POSITIVE_INFINITY],
  ])('%s: it is a TypeError before any request', async (_, size) => {
    const blob = lying({ size });
    expect(await failureOf(append(client, 'a', blob))).toBeInstanceOf(TypeError);
    expect(await failureOf(client.appendObject('a', blob, { position: 0 }))).toBeInstanceOf(TypeError);
    expect(arrived).toEqual([]);
  });

  test.each<[string, Partial<Record<keyof Blob, unknown>>, RegExp]>([
    ['a slice that is too short', { slice: () => duck(new Blob(['abc'])) }, /gave 3 of 19 bytes/],
    ['a slice that is too long', { slice: () => duck(new Blob([TEXT, TEXT])) }, /gave 38 of 19 bytes/],
    [
      'more bytes than the size',
      { slice: () => lying({ arrayBuffer: async () => new ArrayBuffer(20) }) },
      /gave 20 of/,
    ],
    ['a slice that throws', { slice: boom }, /or no memory is left \(boom\)/],
    ['a slice that is undefined', { slice: () => undefined }, /the file was changed, moved or removed/],
    ['an arrayBuffer that throws at once', { slice: () => lying({ arrayBuffer: boom }) }, /\(boom\)/],
    ['an arrayBuffer that is undefined', { slice: () => lying({ arrayBuffer: async () => undefined }) }, /gave 0 of/],
  ])('%s: it is a SourceError, and no byte of the segment is sent', async (_, members, message) => {
    const error = await failureOf(append(client, 'a', lying(members)));
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ message: expect.stringMatching(message), loaded: 0, outcome: 'absent' });
    expect(arrived).toEqual([]);
  });
});

describe('a Blob of a library, given to appendObject', () => {
  const lying = (arrayBuffer: () => unknown): Blob => Object.assign(duck(), { arrayBuffer, type: '' });

  test.each<[string, () => unknown]>([
    ['fewer bytes than its size', async () => new ArrayBuffer(3)],
    ['more bytes than its size', async () => new ArrayBuffer(20)],
    ['a text in place of bytes', async () => TEXT],
    ['nothing', async () => undefined],
  ])('that gives %s is a TypeError before any request', async (_, arrayBuffer) => {
    const error = await failureOf(client.appendObject('a', lying(arrayBuffer), { position: 0 }));
    expect(error).toMatchObject({ name: 'TypeError', message: expect.stringMatching(/^body gave \d+ of 19 bytes/) });
    expect(arrived).toEqual([]);
  });

  test('that never gives its bytes can be aborted', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const work = client.appendObject(
      'a',
      lying(() => new Promise(() => {})),
      { position: 0, signal },
    );
    controller.abort('enough');
    await expect(work).rejects.toBe('enough');
    expect(arrived).toEqual([]);
  });
});

test('bytes whose buffer can be resized are sent as they are at the call', async () => {
  const buffer = new (ArrayBuffer as unknown as new (size: number, options: object) => ArrayBuffer)(4, {
    maxByteLength: 8,
  });
  new Uint8Array(buffer).set(utf8('abcd'));
  await client.appendObject('a', buffer, { position: 0 });
  await client.appendObject('a', new DataView(buffer, 1, 2), { position: 4 });
  await append(client, 'b', [buffer] as AppendSource, { segmentSize: 3 });
  expect(all()).toBe('abcdbcabcd');
});
