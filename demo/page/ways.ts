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

/** The edge appends; the page sends it a body, and asks it for the tail. */
class PipedTarget implements Target {
  readonly key: string;
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #type: boolean;
  #tail: ObjectTail | undefined;

  constructor({ edge, key, contentType }: TargetOptions, fetch: Fetch) {
    this.key = key;
    this.#url = `${edge || location.origin}/upload/${encodeURIComponent(key)}`;
    this.#fetch = fetch;
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

  async resume(file: File, start: ObjectTail, call: Call): Promise<void> {
    const tail = await this.look(call.signal);
    const done = tail.position - start.position;
    const there = file.slice(0, Math.max(done, 0));
    const crc = crc64Combine(BigInt(start.hashCrc64ecma ?? '0'), crc64(await there.arrayBuffer()), there.size);
    if (done < 0 || done > file.size || String(crc) !== tail.hashCrc64ecma)
      throw new Error(`${this.key} does not hold a beginning of this file`);
    await this.#send(file.slice(done, file.size, file.type), file.size, tail, call);
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

async function read(response: Response): Promise<ObjectTail> {
  const answer = await response.json();
  if (response.ok) return answer;
  throw new Error(`The edge answered HTTP ${response.status}: ${answer.message ?? answer.error ?? ''}`);
}
