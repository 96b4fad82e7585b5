/**
 * Blobs that the platform's own Blob class has not made, or that behave in another way than a Blob in memory. Each one is sent to
 * LocalOss and to a plain server, which records what arrives on the wire and judges nothing.
 */
import { AppendableObject, append, type OssClient } from '../../../src/index.ts';
import { bytesFrom, check, equal, sameBytes } from '../check.ts';
import type { Case, Context } from '../context.ts';
import { PolyfillBlob } from '../polyfill-blob.ts';
import type { Trait } from '../traits.ts';

const SIZE = 50_000;
const SEGMENT = 20_000;
const TYPE = 'text/csv';

/**
 * A kind of Blob, and what makes one. `end` removes what the Blob needed. `bytes` are the bytes of a Blob whose own methods cannot
 * tell them.
 */
interface Kind {
  readonly needs?: readonly Trait[];
  make(): { readonly blob: Blob; readonly bytes?: Uint8Array; end?(): void };
}

const KINDS: Readonly<Record<string, Kind>> = {
  'a Blob of the platform': { make: () => ({ blob: new Blob([bytesFrom(50, SIZE)], { type: TYPE }) }) },
  'a File of the platform': {
    make: () => ({ blob: new File([bytesFrom(51, SIZE)], 'a.csv', { type: TYPE, lastModified: 0 }) }),
  },
  'a Blob of a polyfill': { make: () => ({ blob: new PolyfillBlob([bytesFrom(52, SIZE)], { type: TYPE }) }) },
  'a slice of a Blob of a polyfill': {
    make: () => ({ blob: new PolyfillBlob([bytesFrom(53, SIZE + 20)]).slice(10, -10, TYPE) }),
  },
  'an object with only the methods of a Blob that are used': {
    make: () => ({ blob: leastBlob(new Blob([bytesFrom(54, SIZE)], { type: TYPE })) }),
  },
  'a proxy of a Blob': { make: () => ({ blob: proxyOf(new Blob([bytesFrom(55, SIZE)], { type: TYPE })) }) },
  'a Blob of another realm': {
    needs: ['frames'],
    make: () => inFrame(({ Blob }, parts) => new Blob(parts, { type: TYPE })),
  },
  'a File of another realm': {
    needs: ['frames'],
    make: () => inFrame(({ File }, parts) => new File(parts, 'a.csv', { type: TYPE })),
  },
  'a File of a frame that was removed': {
    needs: ['frames'],
    make: () => inRemovedFrame(({ File }, parts) => new File(parts, 'a.csv', { type: TYPE })),
  },
  'a Blob without a type of a frame that was removed': {
    needs: ['frames'],
    make: () => inRemovedFrame(({ Blob }, parts) => new Blob(parts)),
  },
  'a file of Bun': { needs: ['bun-files'], make: () => ({ blob: bunFile() }) },
  'a slice of a file of Bun': { needs: ['bun-files'], make: () => ({ blob: bunFile().slice(10, SIZE) }) },
  'a Blob without a type around a file of Bun': {
    needs: ['bun-files'],
    make: () => ({ blob: new Blob([bunFile()], { type: '' }) }),
  },
};

export const blobCases: readonly Case[] = Object.entries(KINDS).flatMap(([kind, { needs = [], make }]) => [
  {
    name: `blobs: ${kind} is stored by append, resume and appendObject`,
    needs,
    run: (context) => stores(context, make),
  },
  { name: `blobs: of ${kind} the bytes arrive at a plain server`, needs, run: (context) => arrives(context, make) },
]);

async function stores({ client, key, stored }: Context, make: Kind['make']): Promise<void> {
  const { blob, bytes, end } = make();
  const wanted = bytes ?? new Uint8Array(await blob.arrayBuffer());
  check(wanted.byteLength > SEGMENT, 'there are several segments');
  for (const signing of ['header', 'query'] as const) {
    for (const [how, send] of Object.entries(WAYS)) {
      const one = `${key}/${signing}/${how}`;
      await send(client({ signing }), one, blob);
      const object = await stored({ key: one });
      sameBytes(object?.bytes, wanted, `${signing}, ${how}`);
      equal(object?.headers['content-type'], blob.type || 'application/octet-stream', `${signing}, ${how}: type`);
    }
  }
  end?.();
}

const WAYS: Readonly<Record<string, (client: OssClient, key: string, blob: Blob) => Promise<unknown>>> = {
  append: (client, key, blob) => append(client, key, blob, { segmentSize: SEGMENT }),
  resume: async (client, key, blob) => {
    await append(client, key, blob.slice(0, 1000), { contentType: blob.type || null });
    await new AppendableObject(client, key, { segmentSize: SEGMENT }).resume(blob);
  },
  appendObject: (client, key, blob) => client.appendObject(key, blob, { position: 0 }),
  'a stream of Blobs': (client, key, blob) => append(client, key, [blob], { contentType: blob.type || null }),
};

async function arrives({ presigned, key, controlUrl }: Context, make: Kind['make']): Promise<void> {
  const { blob, bytes, end } = make();
  const url = `${controlUrl}/plain`;
  const query = `key=${encodeURIComponent(key)}`;
  const one = presigned(({ position }) => `${url}?${query}&position=${position}`);
  await append(one, key, blob, { segmentSize: SEGMENT, tail: { position: 0 } });
  const response = await fetch(`${url}/seen?${query}`);
  const types: (string | null)[] = JSON.parse(response.headers.get('x-view') ?? '[]');
  const wanted = bytes ?? new Uint8Array(await blob.arrayBuffer());
  sameBytes(new Uint8Array(await response.arrayBuffer()), wanted, 'what arrived');
  // Only the first append has the type. A header without a value would be a part of the signature as well.
  const [first, ...later] = types;
  equal([first, later.filter((type) => type !== null)], [blob.type || null, []], 'the Content-Type of each request');
  check(later.length > 0, 'there are several requests');
  end?.();
}

/** Only these members count for the library. */
function leastBlob(blob: Blob): Blob {
  const { size, type } = blob;
  const slice = (start?: number, end?: number) => leastBlob(blob.slice(start, end));
  return { size, type, slice, arrayBuffer: () => blob.arrayBuffer() } as Blob;
}

/** A proxy as a library for state makes it: it binds the methods, because the Blob's own would refuse the proxy. */
function proxyOf(blob: Blob): Blob {
  return new Proxy(blob, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

type Realm = Pick<typeof globalThis, 'Blob' | 'File'>;

type MakeBlob = (realm: Realm, parts: BlobPart[]) => Blob;

/** Makes a Blob with the classes of a frame, which are not the classes of the page. */
function inFrame(make: MakeBlob): { readonly blob: Blob; readonly bytes: Uint8Array; end(): void } {
  const frame = document.createElement('iframe');
  document.body.append(frame);
  const realm = frame.contentWindow as unknown as Realm;
  const bytes = bytesFrom(56, SIZE);
  const blob = make(realm, [bytes]);
  check(!(blob instanceof Blob), 'the Blob is of another realm');
  return { blob, bytes, end: () => frame.remove() };
}

/** Makes a Blob as a file picker in a frame does, when the frame is closed after the choice. Its `arrayBuffer` never settles. */
function inRemovedFrame(make: MakeBlob): ReturnType<Kind['make']> {
  const { blob, bytes, end } = inFrame(make);
  end();
  return { blob, bytes };
}

/** The file of this suite itself. */
function bunFile(): Blob {
  const { Bun } = globalThis as unknown as { readonly Bun: { file(url: URL): Blob } };
  return Bun.file(new URL(import.meta.url)).slice(0, SIZE);
}
