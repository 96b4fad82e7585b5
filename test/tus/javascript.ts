/** tus-js-client, unmodified: the scenarios of its own tests that need a server, and uploads over a bad network. */
import { Readable } from 'node:stream';
import * as tus from 'tus-js-client';
import { type HttpRequest, Upload, type UploadOptions, type UrlStorage } from 'tus-js-client';
import { noise } from '../edge/senders.ts';
import { keyOf, type Results, type World } from './world.ts';

/** The storage of the client in Node. It is exported, but its declarations do not have it. */
const { FileUrlStorage } = tus as unknown as { readonly FileUrlStorage: new (file: string) => UrlStorage };
const MIB = 1024 * 1024;
const METADATA = { nonlatin: 'słońce', number: '100', filename: 'large-file.txt', filetype: 'text/plain' };

/** How an upload is started, besides the options of tus-js-client. */
interface Started {
  readonly file: Buffer | Readable;
  readonly endpoint?: string;
  readonly options?: Partial<UploadOptions>;
  /** Runs with the upload before it starts. */
  readonly prepare?: (upload: Upload) => void;
}

/** Uploads with tus-js-client, and returns the upload at its end. */
function upload(world: World, { file, endpoint, options = {}, prepare }: Started): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const sent = new Upload(file, {
      endpoint: `${endpoint ?? world.edge.url}/upload`,
      headers: { cookie: world.cookie },
      metadata: METADATA,
      retryDelays: null,
      onSuccess: () => resolve(sent),
      onError: reject,
      ...options,
    });
    prepare?.(sent);
    sent.start();
  });
}

async function headOf(world: World, { url }: Upload): Promise<Response> {
  return fetch(String(url), { method: 'HEAD', headers: { cookie: world.cookie, 'tus-resumable': '1.0.0' } });
}

async function checkMetadata(world: World, sent: Upload, size: number): Promise<void> {
  const { status, headers } = await headOf(world, sent);
  const found = Object.fromEntries(
    (headers.get('upload-metadata') ?? '').split(',').map((pair) => {
      const [key = '', value = ''] = pair.split(' ');
      return [key, Buffer.from(value, 'base64').toString()];
    }),
  );
  const expected = JSON.stringify({ ...METADATA });
  if (status !== 200 || JSON.stringify(found) !== expected) throw new Error(`the metadata is ${JSON.stringify(found)}`);
  const numbers = [headers.get('upload-offset'), headers.get('upload-length')].join();
  if (numbers !== `${size},${size}`) throw new Error(`offset and length are ${numbers}`);
}

async function checkDeletion(world: World, sent: Upload): Promise<void> {
  await sent.abort(true);
  if ((await headOf(world, sent)).status !== 404) throw new Error('the upload is still there');
  if (world.bytesOf(String(sent.url))) throw new Error('the object is still there');
}

/** Runs the scenarios. `uploads` is the number of uploads over the bad network. */
export async function runJavaScript(name: string, world: World, results: Results, uploads: number): Promise<void> {
  const bytes = Buffer.from(noise(8 * MIB + 7, 3));
  const run = (what: string, scenario: () => Promise<string | undefined>) =>
    results.run(`tus-js-client, ${name}: ${what}`, scenario);

  await run('a file arrives, its metadata is returned, and the upload can be terminated', async () => {
    const sent = await upload(world, { file: bytes });
    world.checkBytes(String(sent.url), bytes);
    await checkMetadata(world, sent, bytes.length);
    await checkDeletion(world, sent);
    return undefined;
  });

  await run('a file arrives with its creation (creation-with-upload)', async () => {
    const sent = await upload(world, { file: bytes, options: { uploadDataDuringCreation: true } });
    world.checkBytes(String(sent.url), bytes);
    return undefined;
  });

  await run('a stream of Node arrives in chunks', async () => {
    const options = { chunkSize: 2 * MIB, uploadSize: bytes.length };
    const sent = await upload(world, { file: Readable.from([bytes]), options });
    world.checkBytes(String(sent.url), bytes);
    await checkMetadata(world, sent, bytes.length);
    await checkDeletion(world, sent);
    return undefined;
  });

  await run('a client that cannot send PATCH sends POST', async () => {
    const sent = await upload(world, { file: bytes, options: { overridePatchMethod: true, chunkSize: 3 * MIB } });
    world.checkBytes(String(sent.url), bytes);
    return undefined;
  });

  await run('an empty file is complete after its creation', async () => {
    const sent = await upload(world, { file: Buffer.alloc(0) });
    world.checkBytes(String(sent.url), new Uint8Array(0));
    return undefined;
  });

  await run(
    'a store that fails for some requests costs no progress: the client continues the same upload',
    async () => {
      const urls = new Set<string | null>();
      const options = {
        chunkSize: 2 * MIB,
        retryDelays: [20, 20, 20],
        onChunkComplete: (_: number, accepted: number) => {
          // The next PATCH of the client is refused, and its HEAD too.
          if (accepted === 4 * MIB && urls.size === 1) world.outage.left = 2;
        },
      };
      const prepare = (upload: Upload) => {
        upload.options.onUploadUrlAvailable = () => void urls.add(upload.url);
      };
      const sent = await upload(world, { file: bytes, options, prepare });
      world.checkBytes(String(sent.url), bytes);
      if (world.outage.left > 0) throw new Error('the store refused nothing');
      if (urls.size > 1) throw new Error(`the client made ${urls.size} uploads`);
      return undefined;
    },
  );

  for (const [network, endpoint, chunkSize] of [
    ['a good network', world.edge.url, Number.POSITIVE_INFINITY],
    ['a good network in pieces', world.edge.url, MIB],
    ['a network that drops connections', world.cutter.url, 150_000],
  ] as const)
    await run(`a file arrives with the draft of the IETF over ${network}`, async () => {
      // Draft 05 is the newest draft that the client speaks. The edge speaks draft 12, and takes these requests too.
      const options = { protocol: 'ietf-draft-05', chunkSize, retryDelays: Array.from({ length: 60 }, () => 20) };
      const before = world.cutter.cuts();
      const sent = await upload(world, { file: bytes, endpoint, options });
      world.checkBytes(String(sent.url), bytes);
      return `${world.cutter.cuts() - before} connections were cut`;
    });

  for (const [network, endpoint, chunkSize] of [
    ['a good network', world.edge.url, MIB],
    ['a network that drops connections', world.cutter.url, 150_000],
  ] as const)
    await run(`a stream whose length is not known arrives over ${network} (creation-defer-length)`, async () => {
      const retryDelays = Array.from({ length: 60 }, () => 20);
      // The client would treat a stream of objects as a stream of bytes, and then send a wrong length.
      const options = { uploadLengthDeferred: true, chunkSize, retryDelays };
      const before = world.cutter.cuts();
      const sent = await upload(world, { file: Readable.from([bytes], { objectMode: false }), endpoint, options });
      world.checkBytes(String(sent.url), bytes);
      await checkMetadata(world, sent, bytes.length);
      return `${world.cutter.cuts() - before} connections were cut`;
    });

  await run('an upload continues in another process, from the URL that the first one stored', async () => {
    const urlStorage = new FileUrlStorage(`build/tus/urls-${name}.json`);
    const options = { urlStorage, fingerprint: async () => `file-${world.prefix}`, chunkSize: MIB };
    await new Promise<void>((resolve, reject) => {
      const onChunkComplete = (_: number, accepted: number) => {
        if (accepted >= 3 * MIB) first.abort().then(resolve, reject);
      };
      const first = new Upload(bytes, {
        ...{ endpoint: `${world.edge.url}/upload`, headers: { cookie: world.cookie }, ...options },
        ...{ onChunkComplete, onError: reject, storeFingerprintForResuming: true },
      });
      first.start();
    });
    const [previous] = await urlStorage.findUploadsByFingerprint(`file-${world.prefix}`);
    if (!previous) throw new Error('no URL was stored');
    const prepare = (sent: Upload) => sent.resumeFromPreviousUpload(previous);
    const second = await upload(world, {
      file: bytes,
      options: { ...options, removeFingerprintOnSuccess: true },
      prepare,
    });
    if (second.url !== previous.uploadUrl) throw new Error('the second client made a new upload');
    world.checkBytes(String(second.url), bytes);
    return undefined;
  });

  await run(`${uploads} uploads over a network that drops connections arrive, with 0 bytes lost or doubled`, () =>
    uploadMany(world, uploads),
  );
}

/** Uploads many files, five at a time. */
async function uploadMany(world: World, count: number): Promise<string> {
  const before = world.cutter.cuts();
  const keys = new Set<string>();
  let resumed = 0;
  const next = Array.from({ length: count }, (_, i) => i);
  const work = async () => {
    for (let i = next.shift(); i !== undefined; i = next.shift()) {
      const bytes = Buffer.from(noise(300_000 + ((i * 37_813) % 700_000), i + 10));
      const options = {
        ...{ retryDelays: Array.from({ length: 30 }, () => 20), chunkSize: i % 3 ? 250_000 : Number.POSITIVE_INFINITY },
        // No creation is resumed, so the body of a creation must be shorter than what some connections can carry.
        uploadDataDuringCreation: i % 3 === 1,
        onBeforeRequest: (request: HttpRequest) => {
          if (request.getMethod() === 'HEAD') resumed++;
        },
      };
      const sent = await upload(world, { file: bytes, endpoint: world.cutter.url, options });
      world.checkBytes(String(sent.url), bytes);
      keys.add(keyOf(String(sent.url)));
    }
  };
  await Promise.all(Array.from({ length: 5 }, work));
  if (keys.size !== count) throw new Error(`${keys.size} objects for ${count} uploads`);
  return `${world.cutter.cuts() - before} connections were cut, the client resumed ${resumed} times`;
}
