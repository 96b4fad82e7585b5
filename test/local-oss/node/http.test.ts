/** Tests the server that puts a handler with `Request` and `Response` behind node:http. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { SilentSender } from '../../../src/testing/node/body.ts';
import { serve, TIMEOUTS } from '../../../src/testing/node/http.ts';
import { failureOf } from '../../tools/unit-tools.ts';

const MIB = 1024 * 1024;

test('bodies are streamed in both directions', async () => {
  const served = await serve(({ body }) => new Response(body, { status: 201 }));
  let sent = 0;
  let push = (_: Uint8Array) => {};
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      push = (bytes) => {
        controller.enqueue(bytes);
        if (++sent === 3) controller.close();
      };
    },
  });
  push(new Uint8Array(1));
  // The answer begins before the request ends, which is possible only with streams.
  const response = await fetch(served.url, { method: 'POST', body, duplex: 'half' } as RequestInit);
  expect(response.status).toBe(201);
  push(new Uint8Array(MIB));
  push(new Uint8Array(2));
  expect((await response.arrayBuffer()).byteLength).toBe(MIB + 3);
  await served.close();
});

test('a handler that rejects closes the connection', async () => {
  const served = await serve(() => Promise.reject(new TypeError('fetch failed')));
  await expect(fetch(served.url)).rejects.toThrow('fetch failed');
  await served.close();
});

test('a body that is not read to its end delays neither the answer nor the connection', async () => {
  const served = await serve(async ({ body }) => {
    const reader = body?.getReader();
    await reader?.read();
    await reader?.cancel();
    return new Response('enough', { status: 409 });
  });
  // There is one connection, so the second request must wait until the first body has passed.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = (): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sending = request(served.url, { method: 'POST', agent }, (response) => resolve(response.resume()));
      sending.once('error', reject).end(new Uint8Array(8 * MIB));
    });
  expect((await post()).statusCode).toBe(409);
  expect((await post()).statusCode).toBe(409);
  agent.destroy();
  await served.close();
});

/** Sends a request head and a body over its own socket, and reads nothing until everything is written. */
function sendThenRead(url: string, head: string, body: Iterable<Uint8Array>): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    const end = () => resolve(answer);
    const sending = pipeline(Readable.from([Buffer.from(head), ...body]), socket, { end: false });
    const read = () => {
      socket.setEncoding('latin1').on('data', (text: string) => {
        answer += text;
        if (answer.includes('enough')) socket.destroy();
      });
    };
    sending.then(read, read);
    socket.once('close', end);
  });
}

function* megabytes(count: number): Generator<Uint8Array, void, void> {
  for (let i = 0; i < count; i++) yield new Uint8Array(MIB);
}

test.each<[what: string, handle: (body: ReadableStream<Uint8Array>) => Promise<unknown>]>([
  ['ignores the body', async () => {}],
  [
    'reads one chunk and cancels the body',
    (body) =>
      body
        .getReader()
        .read()
        .then(() => body.cancel().catch(() => {})),
  ],
  ['reads one chunk and then ignores the body', (body) => body.getReader().read()],
])('a sender that reads the answer last gets the answer, even if the handler %s', async (_, handle) => {
  const served = await serve(async ({ body }) => {
    await handle(body as ReadableStream<Uint8Array>);
    return new Response('enough', { status: 409 });
  });
  const head = `POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${48 * MIB}\r\n\r\n`;
  expect(await sendThenRead(served.url, head, megabytes(48))).toMatch(/^HTTP\/1\.1 409 /);
  await served.close();
});

test('the unread rest of a body is accepted up to a limit, and then the connection ends', async () => {
  const served = await serve(() => new Response('enough', { status: 409 }), { unread: MIB });
  const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.write(`POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${5 * 1024 * MIB}\r\n\r\n`);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let sent = 0;
  const endless = function* () {
    for (; ; sent++) yield new Uint8Array(MIB);
  };
  await pipeline(Readable.from(endless()), socket).catch(() => {});
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 409 /);
  // The rest is in the buffers of the sockets.
  expect(sent).toBeLessThan(200);
  await served.close();
});

test('a reader that continues after the answer learns that the body was not read completely, and gets no normal end', async () => {
  let reading: Promise<unknown> | undefined;
  const served = await serve(({ body }) => {
    reading = failureOf(new Response(body).text());
    return new Response('enough', { status: 409 });
  });
  const head = `POST / HTTP/1.1\r\nhost: h\r\ncontent-length: ${8 * MIB}\r\n\r\n`;
  await sendThenRead(served.url, head, megabytes(8));
  expect(String(await reading)).toContain('answered before its body was read');
  await served.close();
});

/** Sends five of ten bytes and then nothing. Resolves with everything that was answered before the connection ended. */
function sendHalf(url: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.write('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nfive.');
  return new Promise((resolve) => socket.once('close', () => resolve(answer)));
}

test('a sender that stops in the middle loses its connection if its reader fails, and the reader gets an error', async () => {
  let failure: unknown;
  const served = await serve(
    async ({ body }) => {
      failure = await failureOf(new Response(body).text());
      throw failure;
    },
    { silence: 20 },
  );
  expect(await sendHalf(served.url)).toBe('');
  expect(failure).toBeInstanceOf(SilentSender);
  await served.close();
});

test('a sender that stops in the middle gets the answer of its reader, and then its connection ends', async () => {
  const served = await serve(
    async ({ body }) => new Response(String(await failureOf(new Response(body).text())), { status: 400 }),
    { silence: 20 },
  );
  expect(await sendHalf(served.url)).toMatch(/^HTTP\/1\.1 400 .*SilentSender/s);
  await served.close();
});

test('no request is cut because of its duration', () => {
  // Node's default limit for a whole request is 300 s. The limit for its headers would end with it if it were 0.
  expect(TIMEOUTS).toMatchObject({ requestTimeout: 0, headersTimeout: 60_000 });
});

test.each([
  'GET /x HTTP/1.1\r\nhost: a b',
  'GET /x HTTP/1.1\r\nhost: [',
  'GET /x HTTP/1.1\r\nhost: %',
  'GET /x HTTP/1.1\r\nhost: a/b',
  'GET /x HTTP/1.1\r\nhost: x\\y',
  'GET /x HTTP/1.1\r\nhost: user@h',
  'GET /x HTTP/1.1\r\nhost: h:99999',
  'GET /x HTTP/1.1\r\nhost:',
  'GET /x HTTP/1.0\r\nx: y',
  'OPTIONS * HTTP/1.1\r\nhost: h',
  'GET ftp://h/x HTTP/1.1\r\nhost: h',
])('%j is answered with 400, and reaches no handler', async (head) => {
  const served = await serve(() => new Response('enough'));
  const answer = await sendThenRead(served.url, `${head}\r\nconnection: close\r\n\r\n`, []);
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  await served.close();
});

test.each([
  ['GET /x?y HTTP/1.1\r\nhost: h:8', 'http://h:8/x?y'],
  ['GET //x/y HTTP/1.1\r\nhost: [::1]:8', 'http://[::1]:8//x/y'],
  ['GET http://other/x HTTP/1.1\r\nhost: h', 'http://h/x'],
])('%j is a request for %s', async (head, expected) => {
  const served = await serve(({ url }) => new Response(`${url} enough`));
  const answer = await sendThenRead(served.url, `${head}\r\nconnection: close\r\n\r\n`, []);
  expect(answer).toContain(`${expected} enough`);
  await served.close();
});

test('a client that disconnects aborts the signal of the request', async () => {
  let left = (_: unknown) => {};
  const reason = new Promise((resolve) => {
    left = resolve;
  });
  const controller = new AbortController();
  const served = await serve(({ signal }) => {
    signal.addEventListener('abort', () => left(signal.reason));
    controller.abort();
    return new Promise<never>(() => {});
  });
  await expect(fetch(served.url, { signal: controller.signal })).rejects.toThrow('abort');
  expect(await reason).toMatchObject({ name: 'AbortError', message: 'The client has gone' });
  await served.close();
});
