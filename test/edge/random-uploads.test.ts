/**
 * Random clients of both standards send pieces of one file, often two at the same time, while bodies break off and OSS
 * has faults. Whatever happens, the object is a beginning of the file, and the offset never falls.
 */
import { expect, test } from 'vitest';
import { lengthsInMemory } from '../../demo/edge/lengths.ts';
import type { EdgeUpload } from '../../src/edge/index.ts';
import { noise, streamOf } from './senders.ts';
import { pathOf, UploadWorld } from './upload-client.ts';
import { placeOf } from './world.ts';

/** Random numbers, which are the same for the same seed. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** Returns a whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * end);
  }

  isOneIn(count: number): boolean {
    return this.below(count) === 0;
  }
}

const FAULTS = [
  { kind: 'drop-before' },
  { kind: 'drop-after' },
  { kind: 'error-before', status: 500 },
  { kind: 'error-after', status: 503 },
  { kind: 'refuse', status: 403, code: 'AccessDenied' },
] as const;

/** One file, and the upload of this file. A fifth of all requests to OSS has a fault. */
class RandomUpload {
  readonly completed: EdgeUpload[] = [];
  readonly #chance: Chance;
  readonly #world: UploadWorld;
  readonly #edge: UploadWorld['edge'];
  readonly #file: Uint8Array<ArrayBuffer>;
  readonly #isDeferred: boolean;
  #path = '';
  /** The greatest offset that a client got. */
  #offset = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
    this.#world = new UploadWorld({ faults: () => FAULTS[chance.below(25)] });
    this.#file = noise(chance.below(60), 1 + chance.below(1000));
    this.#isDeferred = chance.isOneIn(3);
    this.#edge = this.#world.edgeWith({
      oss: { ...placeOf(this.#world.oss), retry: { maxAttempts: 3, baseDelay: 0 } },
      segmentSize: 1 + chance.below(9),
      keepLength: lengthsInMemory(),
      onuploaded: (upload) => void this.completed.push(upload),
    });
  }

  get #object() {
    return this.#world.object(this.#path);
  }

  get isComplete(): boolean {
    return this.#object?.length === this.#file.length;
  }

  /** Creates the upload. OSS can refuse several attempts. */
  async create(): Promise<void> {
    const standard = this.#chance.isOneIn(2) ? { 'tus-resumable': '1.0.0' } : { 'upload-complete': '?0' };
    const length = { 'upload-length': String(this.#file.length) };
    const deferred = 'tus-resumable' in standard ? { 'upload-defer-length': '1' } : {};
    const headers = { ...standard, ...(this.#isDeferred ? deferred : length), 'content-length': '0' };
    const response = await this.#world.send('POST', '/upload', { headers }, this.#edge);
    if (response.ok) this.#path = pathOf(response);
    else await this.create();
  }

  /** A client asks for the offset, and sends the next piece. */
  async send(): Promise<void> {
    const offset = await this.#ask();
    if (offset === undefined) return;
    const chance = this.#chance;
    const end = Math.min(this.#file.length, offset + chance.below(25));
    const breaksOff = chance.isOneIn(7) && end > offset;
    const headers: Record<string, string> = { 'upload-offset': String(offset) };
    if (breaksOff || chance.isOneIn(2)) headers['content-length'] = String(end - offset);
    const isLast = end === this.#file.length;
    if (chance.isOneIn(2)) {
      Object.assign(headers, { 'tus-resumable': '1.0.0', 'content-type': 'application/offset+octet-stream' });
      if (isLast && this.#isDeferred) headers['upload-length'] = String(end);
    } else
      Object.assign(headers, {
        'content-type': 'application/partial-upload',
        'upload-complete': isLast ? '?1' : '?0',
      });
    const body = streamOf(this.#file.slice(offset, breaksOff ? end - 1 : end), 1 + chance.below(8));
    const response = await this.#world.send('PATCH', this.#path, { headers, body }, this.#edge);
    expect([200, 204, 409, 502, 503]).toContain(response.status);
    if (response.ok) this.#see(response, end);
    const stored = this.#object?.bytes() ?? new Uint8Array();
    expect(Buffer.compare(stored, this.#file.slice(0, stored.length)), 'the bytes of the object').toBe(0);
  }

  async #ask(): Promise<number | undefined> {
    const isTus = this.#chance.isOneIn(2);
    const headers: Record<string, string> = isTus ? { 'tus-resumable': '1.0.0' } : {};
    const before = this.#offset;
    const response = await this.#world.send('HEAD', this.#path, { headers }, this.#edge);
    expect([isTus ? 200 : 204, isTus ? 423 : 502]).toContain(response.status);
    return response.ok ? this.#see(response, before) : undefined;
  }

  /** Notes the offset in a response, which is at least `least`. */
  #see({ headers }: Response, least: number): number {
    const offset = Number(headers.get('upload-offset'));
    expect(offset).toBeGreaterThanOrEqual(least);
    this.#offset = Math.max(this.#offset, offset);
    return offset;
  }
}

test.each([1, 2, 3])(
  'the object is always a beginning of the file, and the offset never falls (seed %i)',
  async (seed) => {
    const chance = new Chance(seed);
    let completed = 0;
    for (let i = 0; i < 20; i++) {
      const upload = new RandomUpload(chance);
      await upload.create();
      for (let sent = 0; sent < 40 && !upload.isComplete; sent++)
        await Promise.all(Array.from({ length: 1 + chance.below(2) }, () => upload.send()));
      if (upload.isComplete) completed++;
      if (upload.completed.length > 0) expect(upload.isComplete).toBe(true);
    }
    expect(completed).toBeGreaterThan(15);
  },
);
