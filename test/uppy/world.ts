/** What the tests of the uploader share: a real Uppy with the plugin, on a LocalOss whose requests a test can hold. */
import Uppy, { type Meta } from '@uppy/core';
import { type Clock, OssClient, type OssClientOptions } from '../../src/index.ts';
import { type FaultSchedule, LocalOss } from '../../src/testing/index.ts';
import { OssAppend, type OssAppendBody, type OssAppendOptions } from '../../src/uppy/index.ts';

export type TestUppy = Uppy<Meta, OssAppendBody>;

/** One event that Uppy has emitted: its name, the name of its file, and what belongs to it. */
export interface Told {
  readonly event: string;
  readonly name?: string | undefined;
  readonly value?: unknown;
}

export interface WorldOptions {
  /** The bucket of an earlier page. */
  readonly oss?: LocalOss;
  readonly faults?: FaultSchedule;
  readonly clock?: Clock;
  readonly client?: Partial<OssClientOptions>;
  readonly plugin?: Partial<OssAppendOptions<Meta, OssAppendBody>>;
  /** Is called when a request was sent, and when its answer came. `moment` counts from 1. */
  readonly onmoment?: (moment: number, world: World) => void;
}

/** A Uppy with the plugin, its bucket, and the events in their order. */
export class World {
  readonly oss: LocalOss;
  readonly uppy: TestUppy;
  readonly client: OssClient;
  readonly told: Told[] = [];
  /** The errors that Uppy has logged. */
  readonly logged: unknown[] = [];
  /** The number of requests that are in flight now, and the most that ever were. */
  inFlight = 0;
  most = 0;
  /** The listeners of Uppy that the plugin has added, by the name of the event. */
  readonly listeners = new Map<string, Set<unknown>>();
  #moment = 0;
  readonly #onmoment: WorldOptions['onmoment'];
  #gate: Promise<void> | undefined;
  #open: () => void = () => {};
  #arrivals: (() => void)[] = [];

  constructor({ oss, faults, clock, client, plugin, onmoment }: WorldOptions = {}) {
    this.#onmoment = onmoment;
    const buckets = { logs: { region: 'cn-hangzhou' } };
    this.oss = oss ?? new LocalOss({ buckets, ...(faults && { faults }), ...(clock && { clock }) });
    this.client = new OssClient({
      region: 'cn-hangzhou',
      bucket: 'logs',
      credentials: this.oss.issueToken(),
      fetch: (url, init) => this.#fetch(url, init),
      retry: { maxAttempts: 2, baseDelay: 1 },
      clock,
      ...client,
    });
    const logger = { debug: () => {}, warn: () => {}, error: (error: unknown) => void this.logged.push(error) };
    this.uppy = new Uppy<Meta, OssAppendBody>({ logger });
    this.#countListeners();
    this.uppy.use(OssAppend<Meta, OssAppendBody>, {
      client: this.client,
      key: ({ name }) => name,
      segmentSize: 10,
      ...plugin,
    });
    this.#listen();
  }

  /** Adds a file, and returns its id. */
  add(name: string, text: string, type = 'text/plain'): string {
    return this.uppy.addFile({ name, type, data: new Blob([text], { type }) });
  }

  /** The text of an object. It is undefined if there is no object. */
  stored(key: string): string | undefined {
    const object = this.oss.object('logs', key);
    return object && new TextDecoder().decode(object.bytes());
  }

  /** Returns the events with these names as short texts, such as `upload-success a.txt`. */
  list(...events: string[]): string[] {
    return this.told.filter(({ event }) => events.includes(event)).map(({ event, name }) => `${event} ${name}`);
  }

  values(event: string): unknown[] {
    return this.told.filter((told) => told.event === event).map(({ value }) => value);
  }

  /** Resolves at the next event with this name. */
  next(event: 'upload-success' | 'upload-error' | 'upload-progress' | 'complete'): Promise<void> {
    return new Promise((resolve) => void this.uppy.once(event, () => resolve()));
  }

  /** Holds all requests that are sent from now on. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  release(): void {
    this.#gate = undefined;
    this.#open();
  }

  /** Resolves when `count` requests are in flight. */
  async sent(count: number): Promise<void> {
    while (this.inFlight < count) await new Promise<void>((resolve) => void this.#arrivals.push(resolve));
  }

  /** Resolves when no request is in flight and none follows. */
  async quiet(): Promise<void> {
    for (let turns = 0; turns < 20; turns = this.inFlight > 0 ? 0 : turns + 1)
      await new Promise((resolve) => setImmediate(resolve));
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    this.inFlight++;
    this.most = Math.max(this.most, this.inFlight);
    for (const arrived of this.#arrivals.splice(0)) arrived();
    this.#onmoment?.(++this.#moment, this);
    try {
      if (this.#gate) await Promise.race([this.#gate, aborted(init.signal)]);
      return await this.oss.fetch(url, init);
    } finally {
      this.inFlight--;
      this.#onmoment?.(++this.#moment, this);
    }
  }

  #countListeners(): void {
    const { uppy, listeners } = this;
    const [on, off] = [uppy.on, uppy.off];
    uppy.on = (event, callback) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(callback));
      return on.call(uppy, event, callback) as TestUppy;
    };
    uppy.off = (event, callback) => {
      listeners.get(event)?.delete(callback);
      return off.call(uppy, event, callback) as TestUppy;
    };
  }

  #listen(): void {
    const { uppy, told } = this;
    uppy.on('upload-start', (files) => told.push({ event: 'upload-start', value: files.map(({ name }) => name) }));
    uppy.on('upload-progress', (file, { bytesUploaded }) =>
      told.push({ event: 'upload-progress', name: file?.name, value: bytesUploaded }),
    );
    uppy.on('upload-success', (file, value) => told.push({ event: 'upload-success', name: file?.name, value }));
    uppy.on('upload-error', (file, value) => told.push({ event: 'upload-error', name: file?.name, value }));
    uppy.on('complete', (value) => told.push({ event: 'complete', value }));
  }
}

function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
