/**
 * Three ways from a page to an object, behind one face: with a token of its own, with grants that an edge signs one by
 * one, or through the edge, which appends in its stead.
 */
import {
  AppendableObject,
  type AppendProgress,
  crc64,
  crc64Combine,
  credentialsFromUrl,
  type ObjectTail,
  OssClient,
  type OssClientOptions,
} from '../../src/index.ts';
import { Grants } from './grants.ts';

/** Settings of one append or resume. */
export interface Call {
  readonly signal: AbortSignal;
  readonly onprogress: (progress: AppendProgress) => void;
}

/** An object that a file goes to. */
export interface Target {
  readonly key: string;
  /** The last confirmed end. */
  readonly tail: ObjectTail | undefined;
  /** Where it ends, and with that where the file begins. */
  open(call: Call): Promise<ObjectTail>;
  append(file: File, call: Call): Promise<unknown>;
  /** Goes on with a file that began at `start`. */
  resume(file: File, start: ObjectTail, call: Call): Promise<unknown>;
  /** What OSS says now. */
  look(signal: AbortSignal): Promise<ObjectTail>;
}

/** What all ways need to know. */
export interface TargetOptions {
  readonly way: 'token' | 'grants' | 'pipe';
  /** Origin of the edge; empty for the page's own. */
  readonly edge: string;
  readonly client: Omit<OssClientOptions, 'credentials' | 'presign'>;
  readonly key: string;
  readonly tail: ObjectTail | undefined;
  readonly contentType: null | undefined;
  /** Bytes. */
  readonly segmentSize: number;
}

type Fetch = NonNullable<OssClientOptions['fetch']>;

/** Appends to have granted at once. */
const AHEAD = 4;

export function makeTarget(options: TargetOptions): Target {
  const { way, edge, client } = options;
  if (way === 'pipe') return new PipedTarget(options, client.fetch ?? fetch);
  if (way === 'token') {
    const credentials = credentialsFromUrl(edge ? `${edge}/token` : '/sts', { method: 'POST', credentials: 'include' });
    return new AppendedTarget(options, new OssClient({ ...client, credentials }));
  }
  const grants = new Grants(edge, { ahead: AHEAD, segmentSize: options.segmentSize });
  return new AppendedTarget(options, new OssClient({ ...client, presign: grants.presign }), grants);
}

/** The page appends itself. */
class AppendedTarget implements Target {
  readonly #client: OssClient;
  readonly #object: AppendableObject;
  readonly #grants: Grants | undefined;

  constructor({ key, tail, contentType, segmentSize }: TargetOptions, client: OssClient, grants?: Grants) {
    this.#client = client;
    this.#object = new AppendableObject(client, key, { tail, contentType, segmentSize });
    this.#grants = grants;
  }

  get key(): string {
    return this.#object.key;
  }

  get tail(): ObjectTail | undefined {
    return this.#object.tail;
  }

  open(call: Call): Promise<ObjectTail> {
    return this.#object.open(call);
  }

  async append(file: File, call: Call): Promise<unknown> {
    if (this.#grants) this.#grants.end = (await this.open(call)).position + file.size;
    return this.#object.append(file, call);
  }

  resume(file: File, start: ObjectTail, call: Call): Promise<unknown> {
    return this.#object.resume(file, { ...call, start });
  }

  look(signal: AbortSignal): Promise<ObjectTail> {
    // An object that knows nothing yet asks OSS.
    return new AppendableObject(this.#client, this.key).open({ signal });
  }
}

/** Thrown where the object's end is not where the page believed it. */
class Moved extends Error {}

/** How often a resume looks again at an object whose end does not move any more, and the first wait before that, ms. */
const LOOKS = 6;
const FIRST_WAIT = 100;

/** The edge appends; the page sends it a body, and asks it for the tail. */
class PipedTarget implements Target {
  readonly key: string;
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #clock: Timers;
  readonly #type: boolean;
  #tail: ObjectTail | undefined;

  constructor({ edge, key, contentType, client }: TargetOptions, fetch: Fetch) {
    this.key = key;
    this.#url = `${edge || location.origin}/upload/${encodeURIComponent(key)}`;
    this.#fetch = fetch;
    this.#clock = client.clock ?? platform;
    this.#type = contentType !== null;
  }

  get tail(): ObjectTail | undefined {
    return this.#tail;
  }

  open({ signal }: Call): Promise<ObjectTail> {
    return this.look(signal);
  }

  async append(file: File, call: Call): Promise<void> {
    await this.#send(file, file.size, this.#tail ?? (await this.open(call)), call);
  }

  /**
   * A request that was stopped may still be carried out: the edge has bytes of it, and OSS an append. Until that is settled
   * the end moves, and the edge answers 409. So this looks again, a little later each time. What it finds is taken only where
   * its CRC proves it to be a beginning of the file, whoever stored it.
   */
  async resume(file: File, start: ObjectTail, call: Call): Promise<void> {
    for (let looks = 0, last = -1; ; looks++) {
      const tail = await this.look(call.signal);
      if (tail.position !== last) looks = 0;
      last = tail.position;
      const rest = await restOf(file, start, tail);
      if (!rest) throw new Error(`${this.key} does not hold a beginning of this file`);
      try {
        return await this.#send(rest, file.size, tail, call);
      } catch (error) {
        // A refusal that comes while the body is being sent may reach the page as a broken connection.
        const mayPass = error instanceof Moved || error instanceof TypeError;
        if (!mayPass || looks >= LOOKS) throw error;
        await pause(FIRST_WAIT * 2 ** looks, call.signal, this.#clock);
      }
    }
  }

  async look(signal: AbortSignal): Promise<ObjectTail> {
    this.#tail = await read(await this.#fetch(this.#url, { credentials: 'include', signal }));
    return this.#tail;
  }

  async #send(body: Blob, total: number, { position }: ObjectTail, { signal, onprogress }: Call): Promise<void> {
    onprogress({ loaded: total - body.size, total, sent: total - body.size });
    const plain = this.#type ? body : body.slice(0, body.size);
    const init: RequestInit = { method: 'POST', body: plain, credentials: 'include', signal };
    this.#tail = await read(await this.#fetch(`${this.#url}?position=${position}`, init));
    onprogress({ loaded: total, total, sent: total });
  }
}

/** What of a file an object does not hold yet; undefined where it holds something else. */
async function restOf(file: File, start: ObjectTail, tail: ObjectTail): Promise<Blob | undefined> {
  const done = tail.position - start.position;
  if (done < 0 || done > file.size) return undefined;
  const there = file.slice(0, done);
  const crc = crc64Combine(BigInt(start.hashCrc64ecma ?? '0'), crc64(await there.arrayBuffer()), done);
  return String(crc) === (tail.hashCrc64ecma ?? '0') ? file.slice(done, file.size, file.type) : undefined;
}

async function read(response: Response): Promise<ObjectTail> {
  const answer = await response.json();
  if (response.ok) return answer;
  const message = `The edge answered HTTP ${response.status}: ${answer.message ?? answer.error ?? ''}`;
  throw response.status === 409 ? new Moved(message) : new Error(message);
}

type Timers = Pick<NonNullable<OssClientOptions['clock']>, 'setTimeout' | 'clearTimeout'>;

const platform: Timers = {
  setTimeout: (callback, delay) => setTimeout(callback, delay),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** Waits, unless the signal ends the wait: then it rejects with the signal's reason. */
function pause(delay: number, signal: AbortSignal, clock: Timers): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clock.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = clock.setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, delay);
    signal.addEventListener('abort', end, { once: true });
  });
}
