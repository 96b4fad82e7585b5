/**
 * Replaces the platform for many thousand runs. Work that usually runs on a thread pool is done at once, so that a run
 * is the same each time. Classes that cost more than the engine get a cheap version. No class of this library is
 * replaced.
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

/** Delivers a message in a microtask. */
class MicrotaskChannel {
  readonly port1 = { onmessage: () => {}, close: () => {} };
  readonly port2 = { postMessage: () => queueMicrotask(() => this.port1.onmessage()), close: () => {} };
}

const NativeResponse = globalThis.Response;

/** Treats a {@link MemoryBlob} as the platform's own Blob. Any other Blob becomes text. */
class BlobResponse extends NativeResponse {
  constructor(body?: BodyInit | MemoryBlob | null, init?: ResponseInit) {
    super(body instanceof MemoryBlob ? new Uint8Array(body.peek()) : body, init);
  }
}

/**
 * Makes SHA-256 and HMAC of Web Crypto, Blobs and message channels answer at once, until the returned function is
 * called. Meanwhile, {@link MemoryBlob} is the platform's Blob.
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

/**
 * Also replaces Node's classes for requests by classes that do only what is needed here, because Node's classes take a
 * third of a run.
 */
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

  /** Calls the listeners that are present now, except those that an earlier listener removes. */
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

/** Reads bytes or an empty body without a stream. The platform's own class reads any other body. */
class QuickResponse {
  readonly status: number;
  readonly headers: QuickHeaders;
  readonly redirected = false;
  readonly #init: BodyInit | null;
  #native: Response | undefined;

  constructor(
    body: BodyInit | null = null,
    { status = 200, headers }: { status?: number; headers?: QuickHeaders } = {},
  ) {
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
