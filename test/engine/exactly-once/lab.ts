/**
 * A test bench for the engine: an object on LocalOss, a client, and time that moves by itself while the test awaits
 * something.
 */
import { AppendableObject, type AppendableObjectOptions } from '../../../src/append/object.ts';
import { PresignedClient, type PresignedClientOptions } from '../../../src/request/presigned.ts';
import type { BucketOptions } from '../../../src/testing/buckets.ts';
import type { FaultSchedule } from '../../../src/testing/faults.ts';
import { LocalOss } from '../../../src/testing/local-oss.ts';
import { drive, VirtualClock } from '../../tools/virtual-clock.ts';
import { openUrl } from './open-url.ts';

export const KEY = 'a.log';
const BUCKET = 'logs';

export interface LabOptions extends AppendableObjectOptions {
  readonly faults?: FaultSchedule;
  /** The contents of the object before the test. */
  readonly before?: string;
  readonly contents?: BucketOptions['contents'];
  readonly client?: Partial<PresignedClientOptions>;
}

/** By default, segments have four bytes, and no segment waits for more bytes. */
export class Lab {
  readonly clock = new VirtualClock();
  readonly oss: LocalOss;
  readonly client: PresignedClient;
  readonly object: AppendableObject;
  readonly #options: AppendableObjectOptions;

  constructor({ faults = [], before, contents = 'bytes', client, ...options }: LabOptions = {}) {
    const { clock } = this;
    const logs = { region: 'cn-hangzhou', acl: 'public-read-write', contents } as const;
    this.oss = new LocalOss({ buckets: { [BUCKET]: logs }, clock, faults });
    if (before !== undefined) this.rival(before);
    const { fetch } = this.oss;
    this.client = new PresignedClient({ presign: openUrl, fetch, clock, ...client });
    this.#options = { segmentSize: 4, flushAfter: Number.POSITIVE_INFINITY, ...options };
    this.object = this.another();
  }

  /** Makes another AppendableObject for the same object, as after a reload or in another tab. */
  another(options: AppendableObjectOptions = {}): AppendableObject {
    return new AppendableObject(this.client, KEY, { ...this.#options, ...options });
  }

  /** Awaits work, and moves the time in the meantime. */
  async run<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {});
    await drive(work, this.clock);
    return work;
  }

  /** Returns the error of work that fails. */
  async failure(work: Promise<unknown>): Promise<unknown> {
    return this.run(work).then(
      () => {
        throw new Error('the work should have failed, but it did not');
      },
      (error: unknown) => error,
    );
  }

  /** Appends as another writer. */
  rival(text: string): void {
    this.oss.appendObject(BUCKET, KEY, new TextEncoder().encode(text));
  }

  delete(): void {
    this.oss.deleteObject(BUCKET, KEY);
  }

  /** The contents of the object. They are undefined if the object does not exist. */
  get stored(): string | undefined {
    const object = this.oss.object(BUCKET, KEY);
    return object && new TextDecoder().decode(object.bytes());
  }

  /** The requests so far: `HEAD`, `GET`, and `POST` with its position. */
  get requests(): string[] {
    return this.oss.requests.map(({ method, position }) => (position === undefined ? method : `${method} ${position}`));
  }

  /** The headers that the object keeps from its creation. */
  get headers(): Readonly<Record<string, string>> {
    return this.oss.object(BUCKET, KEY)?.headers ?? {};
  }
}
