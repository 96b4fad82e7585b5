/**
 * Three ways from a page to an object, behind one interface: the page has a token, or an edge signs grants for the
 * page's requests, or the page sends the file to the edge and the edge appends it.
 */

import { PageGrants } from '../../src/edge/index.ts';
import {
  AppendableObject,
  type AppendClient,
  type AppendProgress,
  crc64,
  crc64Combine,
  credentialsFromUrl,
  type ObjectTail,
  OssClient,
  type OssClientOptions,
  PresignedClient,
} from '../../src/index.ts';

/** The options of one append or resume. */
export interface Call {
  readonly signal: AbortSignal;
  readonly onprogress: (progress: AppendProgress) => void;
}

/** The object to which a file is appended. */
export interface Target {
  readonly key: string;
  /** The last confirmed tail. */
  readonly tail: ObjectTail | undefined;
  /** Returns the tail of the object, which is where the file begins. */
  open(call: Call): Promise<ObjectTail>;
  append(file: File, call: Call): Promise<unknown>;
  /** Continues with a file that began at `start`. */
  resume(file: File, start: ObjectTail, call: Call): Promise<unknown>;
  /** Asks OSS for the current tail. */
  look(signal: AbortSignal): Promise<ObjectTail>;
}

/** The options of all three ways. */
export interface TargetOptions {
  readonly way: 'token' | 'grants' | 'upload';
  /** The origin of the edge. An empty string means the origin of the page. */
  readonly edge: string;
  readonly client: Omit<OssClientOptions, 'credentials' | 'presign'>;
  readonly key: string;
  readonly tail: ObjectTail | undefined;
  readonly contentType: null | undefined;
  /** The segment size in bytes. */
  readonly segmentSize: number;
}

type Fetch = NonNullable<OssClientOptions['fetch']>;

/** The number of grants that one request asks for. */
const AHEAD = 4;

export function makeTarget(options: TargetOptions): Target {
  const { way, edge, client } = options;
  if (way === 'upload') return new UploadedTarget(options, client.fetch ?? fetch);
  if (way === 'token') {
    const credentials = credentialsFromUrl(`${edge}/token`, { method: 'POST', credentials: 'include' });
    return new AppendedTarget(options, new OssClient({ ...client, credentials }));
  }
  const grants = new PageGrants(edge, { ahead: AHEAD, segmentSize: options.segmentSize });
  return new AppendedTarget(options, new PresignedClient({ fetch: client.fetch, presign: grants.presign }), grants);
}

/** The page itself appends to OSS. */
class AppendedTarget implements Target {
  readonly #client: AppendClient;
  readonly #object: AppendableObject;
  readonly #grants: PageGrants | undefined;

  constructor({ key, tail, contentType, segmentSize }: TargetOptions, client: AppendClient, grants?: PageGrants) {
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
    // A new AppendableObject has no tail, so it asks OSS.
    return new AppendableObject(this.#client, this.key).open({ signal });
  }
}

/** The edge answered 409, because the position of the request is not the length of the object. */
class Moved extends Error {}

/** The number of times that a resume asks again while the tail does not change, and the first wait in ms. */
const LOOKS = 6;
const FIRST_WAIT = 100;

/** The page sends the file to the edge, which appends it. The page asks the edge for the tail. */
class UploadedTarget implements Target {
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
   * Continues with the rest of a file. The edge may still process the request that was stopped before: it has received
   * bytes, and an append to OSS may be in flight. During that time the tail moves, and the edge answers 409. So this
   * function asks for the tail again, with a longer wait each time. It continues only if the CRC of the object proves
   * that its bytes are the beginning of the file.
   */
  async resume(file: File, start: ObjectTail, call: Call): Promise<void> {
    for (let looks = 0, last = -1; ; looks++) {
      const tail = await this.look(call.signal);
      if (tail.position !== last) looks = 0;
      last = tail.position;
      const rest = await restOf(file, start, tail);
      if (!rest)
        throw new Error(`Cannot resume "${this.key}": its ${tail.position} bytes are not the beginning of this file`);
      try {
        return await this.#send(rest, file.size, tail, call);
      } catch (error) {
        // If the edge refuses the request while the page sends the body, the page may see only a broken connection.
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

/** Returns the part of a file that is not stored yet. Returns undefined when the object contains other bytes. */
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

/** Resolves after `delay` ms. An abort rejects with the reason of the signal. */
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
