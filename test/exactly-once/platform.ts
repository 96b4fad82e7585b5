/**
 * The platform for many thousand runs: what answers from a thread pool answers at once, so that a run is the same each
 * time, and what costs more than the engine costs little. Nothing of ours is replaced.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { MemoryBlob } from './memory-blob.ts';

interface HmacKey {
  readonly raw: Uint8Array;
}

const view = (data: BufferSource): Uint8Array =>
  ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data);

const exact = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

const hmac = ({ raw }: HmacKey, data: BufferSource): Uint8Array =>
  createHmac('sha256', raw).update(view(data)).digest();

const subtle = {
  digest: async (_algorithm: string, data: BufferSource) => exact(createHash('sha256').update(view(data)).digest()),
  importKey: async (_format: 'raw', data: BufferSource): Promise<HmacKey> => ({ raw: view(data).slice() }),
  sign: async (_algorithm: string, key: HmacKey, data: BufferSource) => exact(hmac(key, data)),
  verify: async (_algorithm: string, key: HmacKey, signature: BufferSource, data: BufferSource) => {
    const [given, wanted] = [view(signature), hmac(key, data)];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  },
};

/** Delivers a message without a turn of the event loop. */
class MicrotaskChannel {
  readonly port1 = { onmessage: () => {}, close: () => {} };
  readonly port2 = { postMessage: () => queueMicrotask(() => this.port1.onmessage()), close: () => {} };
}

const NativeResponse = globalThis.Response;

/** Takes a {@link MemoryBlob} for a Blob of its own, which is what makes it the platform's; any other Blob becomes text. */
class BlobResponse extends NativeResponse {
  constructor(body?: BodyInit | MemoryBlob | null, init?: ResponseInit) {
    super(body instanceof MemoryBlob ? new Uint8Array(body.peek()) : body, init);
  }
}

/**
 * Makes Web Crypto's SHA-256 and HMAC, Blobs, and channels for messages answer at once, until the returned function is called.
 * A {@link MemoryBlob} is the platform's Blob meanwhile.
 */
export function synchronousPlatform(): () => void {
  const { crypto } = globalThis;
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  return replace({
    crypto: { subtle, getRandomValues },
    Blob: MemoryBlob,
    MessageChannel: MicrotaskChannel,
    Response: BlobResponse,
  });
}

/** Besides, in place of Node's classes for requests, which take a third of a run, such that do as much as is needed here. */
export function quickPlatform(): () => void {
  const restore = synchronousPlatform();
  const restoreClasses = replace({ AbortController: QuickController, Headers: QuickHeaders, Response: QuickResponse });
  return () => {
    restoreClasses();
    restore();
  };
}

function replace(values: Readonly<Record<string, unknown>>): () => void {
  const names = Object.keys(values);
  const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)!] as const);
  for (const name of names)
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: values[name] });
  return () => {
    for (const [name, descriptor] of before) Object.defineProperty(globalThis, name, descriptor);
  };
}

type Listener = (event: { readonly type: string }) => void;

class QuickSignal {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Map<Listener, boolean>();

  addEventListener(_type: 'abort', listener: Listener, { once = false } = {}): void {
    if (!this.#listeners.has(listener)) this.#listeners.set(listener, once);
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    this.#listeners.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  /** Of the listeners that there are now, those that none before them removes. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
    for (const [listener, once] of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      if (once) this.#listeners.delete(listener);
      listener({ type: 'abort' });
    }
  }
}

class QuickController {
  readonly signal = new QuickSignal();

  abort(reason?: unknown): void {
    this.signal.abort(reason);
  }
}

class QuickHeaders {
  readonly #values = new Map<string, string>();

  constructor(init: Iterable<readonly [string, string]> | Readonly<Record<string, string>> = {}) {
    for (const [name, value] of Symbol.iterator in init ? init : Object.entries(init)) this.append(name, value);
  }

  append(name: string, value: string): void {
    const before = this.get(name);
    this.set(name, before === null ? value : `${before}, ${value}`);
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#values.set(name.toLowerCase(), String(value).trim());
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase());
  }

  *keys(): Generator<string, void, void> {
    for (const [name] of this) yield name;
  }

  entries(): IterableIterator<[string, string]> {
    return this[Symbol.iterator]();
  }

  forEach(callback: (value: string, name: string) => void): void {
    for (const [name, value] of this) callback(value, name);
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)).values();
  }
}

/** Bytes or nothing are read without a stream; all else is left to the platform's own. */
class QuickResponse {
  readonly status: number;
  readonly headers: QuickHeaders;
  readonly redirected = false;
  readonly #init: BodyInit | null;
  #native: Response | undefined;

  constructor(body: BodyInit | null, { status = 200, headers }: { status?: number; headers?: QuickHeaders } = {}) {
    this.#init = body;
    this.status = status;
    this.headers = new QuickHeaders(headers);
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#init === null ? null : this.#asNative().body;
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? false;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#plain();
    return bytes ? exact(bytes) : this.#asNative().arrayBuffer();
  }

  async text(): Promise<string> {
    const bytes = this.#plain();
    return bytes ? new TextDecoder().decode(bytes) : this.#asNative().text();
  }

  #plain(): Uint8Array | undefined {
    if (this.#native) return undefined;
    if (this.#init === null) return new Uint8Array(0);
    return this.#init instanceof Uint8Array ? this.#init : undefined;
  }

  #asNative(): Response {
    this.#native ??= new NativeResponse(this.#init);
    return this.#native;
  }
}
