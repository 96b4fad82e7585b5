/** Requests that platforms repeat or redirect by themselves. None of this may lose or double any bytes. */
import { AppendableObject, append, OssClient, ServiceError, TransportError } from '../../../src/index.ts';
import { bytesFrom, check, equal, rejects, sameBytes } from '../check.ts';
import type { Case, Context } from '../context.ts';

const text = new TextEncoder();

export const platformCases: readonly Case[] = [
  {
    name: 'platform: one fetch sends two POSTs if a kept-alive connection dies',
    needs: ['repeats-posts'],
    run: async (context) => {
      const { posts, error } = await dyingConnection(context);
      equal(posts, 2, 'POSTs of one appendObject');
      check(
        error instanceof ServiceError && error.status === 409,
        'the second POST is refused, because the first one was stored',
      );
    },
  },
  {
    name: 'platform: one fetch sends as many POSTs as the table of platforms says',
    run: async (context) => {
      const { posts, error } = await dyingConnection(context);
      equal(posts, context.traits.has('repeats-posts') ? 2 : 1, 'POSTs of one appendObject');
      check(error instanceof ServiceError || error instanceof TransportError, 'an error of the library');
    },
  },
  {
    name: 'platform: a POST that is repeated because its connection dies loses and doubles nothing',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'drop-after', nth: 2 }, { kind: 'drop-before', nth: 4 }, { kind: 'drop-during', nth: 6 });
      const object = new AppendableObject(client({ signing: 'query' }), key, { segmentSize: 7000 });
      const source = bytesFrom(40, 30_000);
      await object.append(source);
      sameBytes((await stored())?.bytes, source, 'object');
      // A segment that fails twice is sent in parts, so there may be more appends than segments.
      check(Number((await stored())?.appends) >= 5, 'appends');
    },
  },
  {
    name: 'platform: a Blob of 5 MB is appended in segments of 1 MB',
    run: async ({ client, key, faults, stored }) => {
      await faults({ kind: 'drop-during', nth: 3 }, { kind: 'drop-after', nth: 5 });
      const source = bytesFrom(41, 5_000_000);
      await append(client(), key, new Blob([source]), { segmentSize: 1_000_000 });
      sameBytes((await stored())?.bytes, source, 'object');
    },
  },
  {
    name: 'platform: the default clock and the default fetch work',
    run: async ({ ossUrl, region, bucket = 'open-bucket', credentials, key, stored }) => {
      const client = new OssClient({ region, bucket, endpoint: ossUrl, credentials });
      await append(client, key, 'by the platform alone');
      equal((await stored())?.length, 21, 'length');
    },
  },
  {
    name: 'platform: a redirect is not an answer, and nothing is sent to another origin',
    run: async ({ client, key, controlUrl, faults, traits }) => {
      const query = `key=${encodeURIComponent(key)}`;
      const location = `${controlUrl}/elsewhere?${query}`;
      for (const operation of ['AppendObject', 'HeadObject', 'GetObject'] as const)
        await faults({ kind: 'redirect', location, operation, times: 2 });
      for (const signing of ['header', 'query'] as const) {
        const one = client({ signing, retry: { maxAttempts: 1 } });
        await rejects(one.appendObject(key, new Blob(['secret']), { position: 0 }), TransportError, 'an append');
        await rejects(one.headObject(key), TransportError, 'a HEAD');
        await rejects(one.getObject(key), TransportError, 'a GET');
      }
      const seen: string[] = await (await fetch(`${controlUrl}/elsewhere/methods?${query}`)).json();
      const may = traits.has('holds-redirects') ? [] : ['POST'];
      equal(
        seen.filter((method) => !may.includes(method)),
        [],
        'requests at the other origin',
      );
    },
  },
  {
    name: 'platform: a host that does not answer causes a TransportError',
    run: async ({ client, key, deadUrl }) => {
      const nobody = client({ endpoint: deadUrl, retry: { maxAttempts: 1 } });
      const { code } = await rejects(nobody.headObject(key), TransportError, 'head');
      equal(code, 'NetworkError', 'code');
    },
  },
  {
    name: 'platform: a call that starts offline waits for the event "online", sends, and leaves no listener',
    needs: ['cors'],
    run: async ({ client, clock, key, stored, wire }) => {
      const goOnline = pretendOffline();
      let waits = () => {};
      const waiting = new Promise<void>((resolve) => {
        waits = resolve;
      });
      const setTimeout = (callback: () => void, delay: number) => {
        waits();
        return clock.setTimeout(callback, delay);
      };
      const appending = client({ clock: { ...clock, setTimeout } }).appendObject(key, 'x', { position: 0 });
      await waiting;
      equal(await wire(), [], 'requests while offline');
      goOnline();
      await appending;
      equal((await stored())?.length, 1, 'length');
    },
  },
  {
    name: 'platform: a client that was created at module scope serves a request',
    needs: ['module-scope'],
    run: async ({ early, key, stored }) => {
      check(early, 'the client exists');
      await new AppendableObject(early, key).append('made early');
      sameBytes((await stored())?.bytes, text.encode('made early'), 'object');
    },
  },
];

/** Makes a browser report that it is offline, although the network works. Returns a function that ends this. */
function pretendOffline(): () => void {
  Object.defineProperty(navigator, 'onLine', { value: false, configurable: true });
  return () => {
    Reflect.deleteProperty(navigator, 'onLine');
    globalThis.dispatchEvent(new Event('online'));
  };
}

/**
 * A connection serves one answer and dies on the next append. The requests are query-signed, so that no preflight comes
 * between. The test repeats if the platform opened another connection, which WebKitGTK always does for a POST.
 */
async function dyingConnection({ client, key, faults, wire }: Context): Promise<{ posts: number; error: unknown }> {
  const query = client({ signing: 'query' });
  for (let position = 0; ; position += 2) {
    await query.appendObject(key, text.encode('a'), { position });
    await faults({ kind: 'drop-after' });
    const dying = query.appendObject(key, text.encode('b'), { position: position + 1 });
    const error = await dying.catch((reason: unknown) => reason);
    const posts = (await wire('POST')).filter((request) => request.position === String(position + 1));
    if (posts[0]?.reused || position === 8) return { posts: posts.length, error };
  }
}
