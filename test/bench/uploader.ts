// Does one upload in its own process, so that the measured time, processor time and memory belong to this upload only.
// It is started with `fork`.
import { AppendableObject, OssClient } from '../../src/index.ts';
import { LocalOss } from '../../src/testing/index.ts';

/** The settings of one upload. */
export interface Job {
  readonly url: string;
  /** The URL of a receiver without limits, which gets the upload that warms up the process. */
  readonly warmUp: string;
  /**
   * `append` uses the engine and a receiver. `local` uses the engine and a LocalOss in the same process.
   * `fetch` sends bare requests with the same bytes.
   */
  readonly with: 'append' | 'local' | 'fetch';
  readonly from: 'stream' | 'blob';
  /** The total number of bytes. */
  readonly size: number;
  /** The bytes of one request. When it is undefined, the engine adapts the size. */
  readonly segmentSize?: number | undefined;
}

/** The measurements of one upload. */
export interface Taken {
  /** Duration in s. */
  readonly time: number;
  /** Processor time of all threads of the process, in s. */
  readonly cpu: number;
  /** The peak memory of the process in bytes, minus its memory before the upload. */
  readonly memory: number;
  /** The same for the memory in array buffers. */
  readonly buffers: number;
}

const CHUNK = 64 * 1024;
const WARM_UP = 32 * 1024 * 1024;

/** Returns a stream whose chunks cost no time to make, because each chunk is a view of the same random bytes. */
function streamOf(size: number): ReadableStream<Uint8Array> {
  const bytes = noise(CHUNK);
  let left = size;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      const chunk = bytes.subarray(0, Math.min(left, CHUNK));
      left -= chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
}

/** Returns a Blob that repeats the same 16 MiB. It keeps these bytes in memory only once. */
function blobOf(size: number): Blob {
  const bytes = new Blob([noise(16 * 1024 * 1024)]);
  const whole = Math.floor(size / bytes.size);
  return new Blob([...Array<Blob>(whole).fill(bytes), bytes.slice(0, size % bytes.size)]);
}

function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

const credentials = {
  accessKeyId: 'STS.bench',
  accessKeySecret: 'of-this-benchmark-only',
  securityToken: 'x'.repeat(600),
};

/** Returns a client of a LocalOss that keeps only lengths and CRCs. */
function localClient(): OssClient {
  const oss = new LocalOss({ buckets: { bench: { region: 'cn-hangzhou', contents: 'checksum' } } });
  return new OssClient({ region: 'cn-hangzhou', bucket: 'bench', credentials: oss.issueToken(), fetch: oss.fetch });
}

async function withEngine(job: Job): Promise<void> {
  const { url, from, size, segmentSize } = job;
  const overNetwork = { region: 'cn-hangzhou', bucket: 'bench', endpoint: url, credentials };
  const client = job.with === 'local' ? localClient() : new OssClient(overNetwork);
  const object = new AppendableObject(client, 'large', { tail: { position: 0, hashCrc64ecma: '0' }, segmentSize });
  const { position } = await object.append(from === 'blob' ? blobOf(size) : streamOf(size));
  if (position !== size) throw new Error(`appended ${position} of ${size} bytes`);
}

/** For a stream, each body is a ready array of bytes, because that is the fastest body for `fetch`. */
async function withFetch({ url, from, size, segmentSize = 8 * 1024 * 1024 }: Job): Promise<void> {
  const source = from === 'blob' ? blobOf(size) : noise(segmentSize);
  for (let position = 0; position < size; position += segmentSize) {
    const length = Math.min(segmentSize, size - position);
    const body = source instanceof Blob ? source.slice(position, position + length) : source.subarray(0, length);
    const answer = await fetch(`${url}/bench/large?append&position=${position}`, { method: 'POST', body });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  }
}

function watchMemory(): () => { memory: number; buffers: number } {
  const before = process.memoryUsage();
  let [rss, arrayBuffers] = [0, 0];
  const look = () => {
    const now = process.memoryUsage();
    rss = Math.max(rss, now.rss);
    arrayBuffers = Math.max(arrayBuffers, now.arrayBuffers);
  };
  const timer = setInterval(look, 20);
  return () => {
    look();
    clearInterval(timer);
    return { memory: rss - before.rss, buffers: arrayBuffers - before.arrayBuffers };
  };
}

async function run(job: Job): Promise<Taken> {
  const upload = job.with === 'fetch' ? withFetch : withEngine;
  await upload({ ...job, url: job.warmUp, size: WARM_UP });
  const memory = watchMemory();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await upload(job);
  const time = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { time, cpu: (user + system) / 1e6, ...memory() };
}

process.on('disconnect', () => process.exit());
process.once('message', async (job: Job) => {
  try {
    process.send?.(await run(job));
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.stack : String(error) });
  }
});
