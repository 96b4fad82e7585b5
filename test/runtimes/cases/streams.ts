/** Sources of every kind, streams as a sink, and aborts. */
import { AppendableObject, AppendStream, append, type Fetch, ServiceError, SourceError } from '../../../src/index.ts';
import { bytesFrom, check, equal, joined, rejects, sameBytes } from '../check.ts';
import type { Case, Context } from '../context.ts';

const text = new TextEncoder();
const PARTS = [bytesFrom(30, 1), bytesFrom(31, 50_000), bytesFrom(32, 0), bytesFrom(33, 70_000)];
const WHOLE = joined(...PARTS);
const LATE = 5000;

type Source = Parameters<typeof append>[2];

/** Functions that make different sources of the same bytes. */
const SOURCES: Readonly<Record<string, (context: Context) => Source | Promise<Source>>> = {
  'a Uint8Array': () => WHOLE,
  'a Blob': () => new Blob(PARTS),
  'a File': () => new File(PARTS, 'a.bin', { type: 'application/x-test' }),
  'an iterable': () => PARTS,
  'an async iterable': () => generate(PARTS),
  'a stream': () => streamOf(PARTS),
  'a stream of Blobs': () => streamOf(PARTS.map((part) => new Blob([part]))),
  'a Response': () => new Response(WHOLE),
  'a Response from the network': ({ client, key }) => responseOf(client(), key),
  'a transformed stream': () =>
    streamOf(PARTS).pipeThrough(new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>()),
};

export const streamCases: readonly Case[] = [
  ...Object.entries(SOURCES).map(
    ([kind, make]): Case => ({
      name: `streams: ${kind} is appended completely`,
      run: async (context) => {
        const { client, key, stored } = context;
        const source = await make(context);
        await append(client(), key, source, { segmentSize: 32_768 });
        sameBytes((await stored())?.bytes, WHOLE, 'object');
      },
    }),
  ),
  {
    name: 'streams: chunks of text may split a surrogate pair',
    run: async ({ client, key, stored }) => {
      await append(client(), key, streamOf(['a\ud83d', '\ude00b', 'naïve']));
      sameBytes((await stored())?.bytes, text.encode('a😀bnaïve'), 'object');
    },
  },
  {
    name: 'streams: a byte stream is appended completely',
    needs: ['byte-streams'],
    run: async ({ client, key, stored }) => {
      const parts = [...PARTS].filter(({ length }) => length > 0).reverse();
      const pull = (controller: ReadableByteStreamController) => {
        const part = parts.pop();
        if (part) controller.enqueue(part.slice());
        else controller.close();
      };
      await append(client(), key, new ReadableStream({ type: 'bytes', pull }), { segmentSize: 32_768 });
      sameBytes((await stored())?.bytes, WHOLE, 'object');
    },
  },
  {
    name: 'streams: a compressed stream is stored and read back',
    needs: ['compression-streams'],
    run: async ({ client, key }) => {
      const zipped = new Blob([WHOLE]).stream().pipeThrough(new CompressionStream('gzip'));
      await append(client(), key, zipped);
      const { body } = await client().getObject(key);
      const plain = (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new DecompressionStream('gzip'));
      sameBytes(new Uint8Array(await new Response(plain).arrayBuffer()), WHOLE, 'object');
    },
  },
  {
    name: 'streams: the body from getObject can be iterated',
    needs: ['stream-iteration'],
    run: async ({ client, key }) => {
      await client().appendObject(key, WHOLE, { position: 0 });
      const { body } = await client().getObject(key);
      const chunks: Uint8Array[] = [];
      for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
      sameBytes(joined(...chunks), WHOLE, 'bytes');
    },
  },
  {
    // Chromium has 512 MiB for all Blobs of a page, and frees Blobs during garbage collection.
    name: 'streams: during a long stream, the browser never runs out of room for Blobs',
    needs: ['cors'],
    run: async ({ client, key }) => {
      const chunk = bytesFrom(36, 1_048_576);
      const chunks = Array.from({ length: 640 }, () => chunk);
      const read = async (body: unknown) => {
        if (!(body instanceof Blob)) return (body as Uint8Array).byteLength;
        await body.slice(-1).arrayBuffer();
        return body.size;
      };
      const reading: Fetch = async (url, init) => {
        const next = Number(new URL(url).searchParams.get('position')) + (await read(init.body));
        return new Response(null, { headers: { 'x-oss-next-append-position': String(next) } });
      };
      const options = { tail: { position: 0 }, segmentSize: 8 * chunk.byteLength };
      const tail = await append(client({ fetch: reading }), key, streamOf(chunks), options);
      equal(tail.position, 640 * chunk.byteLength, 'tail');
    },
  },
  {
    name: 'streams: the bytes of a slow stream are sent before the stream ends',
    run: async ({ client, key, stored }) => {
      let end = () => {};
      const source = new ReadableStream<string>({
        start: (controller) => {
          controller.enqueue('first');
          end = () => controller.close();
        },
      });
      let sent = () => {};
      const confirmed = new Promise<void>((resolve) => {
        sent = resolve;
      });
      const object = new AppendableObject(client(), key, { flushAfter: 10 });
      const appending = object.append(source, { onprogress: ({ loaded }) => loaded > 0 && sent() });
      await confirmed;
      equal((await stored())?.length, 5, 'length while the stream is open');
      end();
      equal((await appending).position, 5, 'tail');
    },
  },
  {
    name: 'streams: a source that fails causes a SourceError that says how many bytes are stored',
    run: async ({ client, key, stored }) => {
      const broken = new RangeError('no more');
      const source = generate([bytesFrom(34, 1000), bytesFrom(35, 1000)], broken);
      const error = await rejects(append(client(), key, source, { segmentSize: 1000 }), SourceError, 'append');
      const { name, message } = error.cause as Error;
      equal([name, message], ['RangeError', 'no more'], 'cause');
      equal([error.loaded, (await stored())?.length], [2000, 2000], 'loaded and length');
    },
  },
  {
    name: 'streams: pipeTo an AppendStream',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'drop-after', nth: 2 });
      const object = new AppendableObject(client(), key, { segmentSize: 32_768 });
      await new Blob([WHOLE]).stream().pipeTo(new AppendStream(object));
      equal(object.tail?.position, WHOLE.length, 'tail');
      sameBytes((await stored())?.bytes, WHOLE, 'object');
    },
  },
  {
    name: 'streams: a writer of an AppendStream can close and abort the stream',
    run: async ({ client, key, stored }) => {
      const object = new AppendableObject(client(), key);
      const writer = new AppendStream(object).getWriter();
      for (const part of ['one', 'two']) {
        await writer.ready;
        await writer.write(part);
      }
      await writer.close();
      sameBytes((await stored())?.bytes, text.encode('onetwo'), 'object');
      const other = new AppendStream(object).getWriter();
      const reason = new Error('enough');
      await other.abort(reason);
      equal((await other.closed.catch((error: unknown) => error)) === reason, true, 'the reason of the abort');
    },
  },
  {
    name: 'streams: a failed append puts an AppendStream into the error state and cancels its source',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'deny', times: 1000 });
      let cancelled = false;
      const source = new ReadableStream<string>({
        pull: (controller) => controller.enqueue('more and more'),
        cancel: () => {
          cancelled = true;
        },
      });
      const piping = source.pipeTo(new AppendStream(new AppendableObject(client(), key, { segmentSize: 1000 })));
      await rejects(piping, Error, 'pipeTo');
      check(cancelled, 'the source is cancelled');
    },
  },
  {
    name: 'streams: an append that fails while its source is idle fails the pipe',
    run: async ({ client, key, faults, wire }) => {
      await faults({ kind: 'deny', times: 1000 });
      let end: () => unknown = () => {};
      let cancelled = false;
      const source = new ReadableStream<string>({
        start: (controller) => {
          controller.enqueue('all there is');
          end = () => cancelled || controller.close();
        },
        cancel: () => {
          cancelled = true;
        },
      });
      const failed = new AppendableObject(client(), key, { flushAfter: 1 });
      const piping = source.pipeTo(new AppendStream(failed));
      piping.catch(() => {});
      await until(async () => (await wire('POST')).length > 0);
      // The calls on one object wait in a queue, so this call starts after the failed call has ended.
      await failed.open().catch(() => {});
      end();
      await rejects(piping, ServiceError, 'pipeTo');
    },
  },
  {
    name: 'aborts: an abort stops a request in flight, rejects with the same reason, and leaves no listener',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'answer-late', delay: LATE });
      const object = new AppendableObject(client(), key);
      const { signal, abort, listeners } = watchedSignal();
      const reason = new Error('the user left');
      const appending = object.append('first', { signal });
      await until(async () => (await stored()) !== undefined);
      abort(reason);
      equal((await appending.catch((error: unknown) => error)) === reason, true, 'the reason');
      equal(listeners(), 0, 'listeners');
      equal(object.pending.length, 1, 'pending');
      await object.append('second');
      sameBytes((await stored())?.bytes, text.encode('firstsecond'), 'object');
    },
  },
  {
    name: 'aborts: one signal for many appends collects no listeners',
    run: async ({ client, key }) => {
      const { signal, listeners } = watchedSignal();
      const object = new AppendableObject(client(), key, { segmentSize: 10 });
      for (let i = 0; i < 4; i++) await object.append('twenty-five bytes of text', { signal });
      equal(listeners(), 0, 'listeners');
    },
  },
  {
    name: 'aborts: a signal that is aborted before the call prevents every request',
    run: async ({ client, key, wire }) => {
      const reason = new Error('too late');
      const signal = AbortSignal.abort(reason);
      for (const call of [
        append(client(), key, 'a', { signal }),
        client().appendObject(key, 'a', { position: 0, signal }),
        client().headObject(key, { signal }),
      ])
        equal((await call.catch((error: unknown) => error)) === reason, true, 'the reason');
      equal(await wire(), [], 'requests');
    },
  },
  {
    name: 'aborts: a time-out signal ends a call and cancels its stream',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'answer-late', delay: LATE, times: 1000 });
      let cancelled: unknown;
      const source = new ReadableStream<string>({
        pull: (controller) => controller.enqueue('x'.repeat(1000)),
        cancel: (reason) => {
          cancelled = reason;
        },
      });
      const signal = AbortSignal.timeout(100);
      const error = await append(client(), key, source, { signal, segmentSize: 1000 }).catch(
        (reason: unknown) => reason,
      );
      equal([error === signal.reason, (error as DOMException).name], [true, 'TimeoutError'], 'the reason');
      equal(cancelled === signal.reason, true, 'the reason given to the stream');
    },
  },
  {
    name: 'aborts: reading a body stops at once',
    run: async ({ client, key, faults }) => {
      await faults({ kind: 'stall-body', operation: 'GetObject', times: 1000 });
      await client().appendObject(key, WHOLE, { position: 0 });
      const { signal, abort, listeners } = watchedSignal();
      const { body } = await client().getObject(key, { signal });
      const reader = body.getReader();
      await reader.read();
      const reason = new Error('seen enough');
      abort(reason);
      const drained = (async () => {
        while (!(await reader.read()).done);
      })();
      equal((await drained.catch((error: unknown) => error)) === reason, true, 'the reason');
      equal(listeners(), 0, 'listeners');
    },
  },
];

function streamOf<T>(chunks: readonly T[]): ReadableStream<T> {
  const left = [...chunks].reverse();
  return new ReadableStream<T>({
    pull: (controller) => {
      if (left.length > 0) controller.enqueue(left.pop() as T);
      else controller.close();
    },
  });
}

async function* generate<T>(chunks: readonly T[], failure?: Error): AsyncGenerator<T, void, void> {
  for (const chunk of chunks) yield chunk;
  if (failure) throw failure;
}

/** Returns the contents of another object as a Response from the network. */
async function responseOf(client: ReturnType<Context['client']>, key: string): Promise<Response> {
  await client.appendObject(`${key}/source`, WHOLE, { position: 0 });
  const { method, url, headers } = await client.presignGetObject(`${key}/source`);
  return fetch(url, { method, headers });
}

/** A signal that counts its listeners. */
function watchedSignal(): { signal: AbortSignal; abort(reason: unknown): void; listeners(): number } {
  const controller = new AbortController();
  const { signal } = controller;
  const listening = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = ((type: 'abort', listener: () => void, options?: object) => {
    listening.add(listener);
    addEventListener.call(signal, type, listener, options);
  }) as typeof addEventListener;
  signal.removeEventListener = ((type: 'abort', listener: () => void) => {
    listening.delete(listener);
    removeEventListener.call(signal, type, listener);
  }) as typeof removeEventListener;
  return { signal, abort: (reason) => controller.abort(reason), listeners: () => listening.size };
}

/**
 * Repeats a question until the answer is true. Each question is a request, so this waits for the server and for nothing
 * else.
 */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}
