/** A recorder that writes into an object: every byte once, and what happens while the network is slower. In virtual time. */
import { describe, expect, test, vi } from 'vitest';
import { AppendableObject, type AppendableObjectOptions } from '../../src/index.ts';
import { type Recording, type RecordingLag, type RecordOptions, recordTo } from '../../src/log/record.ts';
import type { Fault, FaultRequest } from '../../src/testing/index.ts';
import { countedAbort, failureOf, KEYS, localOss, makeClient, utf8 } from '../tools/unit-tools.ts';
import { drive, settle, VirtualClock } from '../tools/virtual-clock.ts';
import { TestRecorder } from './recorder.ts';
import { cluster, HEADER, simpleBlock, webm } from './webm-tools.ts';

/** A recorder that records into `a.webm`. */
class Scene {
  readonly clock = new VirtualClock();
  readonly lags: RecordingLag[] = [];
  readonly errors: unknown[] = [];
  readonly recorder: TestRecorder;
  offline = false;
  faults: (request: FaultRequest) => Fault | undefined = () => undefined;
  readonly oss = localOss({
    clock: this.clock,
    faults: (request) => (this.offline ? { kind: 'drop-before' } : this.faults(request)),
  });

  constructor(mimeType?: string) {
    this.recorder = new TestRecorder(mimeType);
  }

  record(options: RecordOptions = {}, objectOptions: AppendableObjectOptions = {}): Promise<Recording> {
    const client = makeClient({ clock: this.clock, fetch: this.oss.fetch, credentials: KEYS });
    const object = new AppendableObject(client, 'a.webm', objectOptions);
    return recordTo(object, this.recorder, {
      clock: this.clock,
      onbehind: (lag) => this.lags.push(lag),
      onerror: (error) => this.errors.push(error),
      ...options,
    });
  }

  /** Gives these chunks, a second each, while the machine and the network work on. */
  async give(...chunks: (string | Uint8Array<ArrayBuffer>)[]): Promise<void> {
    for (const chunk of chunks) {
      await this.pass(1000);
      this.recorder.give(chunk);
      await settle(this.oss);
    }
  }

  /** Lets this many ms pass. */
  async pass(ms: number): Promise<void> {
    await settle(this.oss);
    for (let left = ms; left > 0; ) {
      const step = Math.min(left, this.clock.next ?? left);
      this.clock.advance(step);
      left -= step;
      await settle(this.oss);
      if (step === 0) continue;
    }
  }

  drive<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.clock, this.oss);
  }

  get stored(): Uint8Array | undefined {
    return this.oss.object('logs', 'a.webm')?.bytes();
  }

  get text(): string | undefined {
    return this.stored && new TextDecoder().decode(this.stored);
  }
}

describe('a recording', () => {
  test('is stored while it goes on, and the call resolves when the recorder has stopped and all is stored', async () => {
    const scene = new Scene();
    const done = scene.record({}, { contentType: scene.recorder.mimeType });
    await scene.give('one ', 'two ');
    expect(scene.text).toBe('one two ');
    await scene.give('three ');
    scene.recorder.stop('last');
    const { tail, ...rest } = await scene.drive(done);
    expect(tail).toEqual({ position: 18, hashCrc64ecma: scene.oss.object('logs', 'a.webm')?.crc64 });
    expect([rest, scene.text]).toEqual([{ dropped: 0, full: false }, 'one two three last']);
    expect(scene.oss.object('logs', 'a.webm')?.headers['content-type']).toBe('video/webm;codecs=vp8');
    expect(scene.recorder.calls).toEqual(['start 1000', 'stop']);
  });

  test('of nothing leaves no object', async () => {
    const scene = new Scene();
    const done = scene.record({ timeslice: 250 });
    scene.recorder.stop();
    expect(await scene.drive(done)).toEqual({ tail: { position: 0, hashCrc64ecma: '0' }, dropped: 0, full: false });
    expect([scene.stored, scene.recorder.calls]).toEqual([undefined, ['start 250', 'stop']]);
  });

  test('goes on through an outage that is longer than the attempts of the client, and every byte is stored once', async () => {
    const scene = new Scene();
    let stored = 0;
    scene.faults = ({ operation }) =>
      operation === 'AppendObject' && ++stored === 2 ? { kind: 'drop-after' } : undefined;
    const done = scene.record();
    await scene.give('a', 'b');
    scene.offline = true;
    const chunks = Array.from({ length: 600 }, (_, n) => `<${n}>`);
    await scene.give(...chunks);
    expect(scene.errors.length).toBeGreaterThan(3);
    scene.offline = false;
    await scene.give('z');
    scene.recorder.stop();
    await scene.drive(done);
    expect(scene.text).toBe(`ab${chunks.join('')}z`);
  }, 60_000);

  test('goes on when credentials could not be loaded for a while', async () => {
    const scene = new Scene();
    let loads = 0;
    const credentials = async () => {
      if (++loads < 20) throw new TypeError('Failed to fetch');
      return KEYS;
    };
    const client = makeClient({ clock: scene.clock, fetch: scene.oss.fetch, credentials });
    const done = recordTo(new AppendableObject(client, 'a.webm'), scene.recorder, { clock: scene.clock });
    await scene.give('one ', 'two');
    scene.recorder.stop();
    await scene.drive(done);
    expect(scene.text).toBe('one two');
  });

  test('reports how many seconds the object is behind, and how many bytes wait', async () => {
    const scene = new Scene();
    const done = scene.record();
    await scene.give('12', '34');
    expect(scene.lags.at(-1)).toEqual({ seconds: 0, bytes: 0, dropped: 0 });
    scene.offline = true;
    await scene.give('56', '78', '90');
    expect(scene.lags.at(-1)).toEqual({ seconds: 3, bytes: 6, dropped: 0 });
    scene.offline = false;
    scene.recorder.stop();
    await scene.drive(done);
    expect(scene.lags.at(-1)).toEqual({ seconds: 0, bytes: 0, dropped: 0 });
  });

  test('does not count a pause of the caller as time behind', async () => {
    const scene = new Scene();
    const done = scene.record();
    await scene.give('12');
    scene.recorder.pause();
    await scene.pass(600_000);
    scene.recorder.resume();
    scene.offline = true;
    await scene.give('34');
    expect(scene.lags.at(-1)).toEqual({ seconds: 1, bytes: 2, dropped: 0 });
    scene.offline = false;
    scene.recorder.stop();
    await scene.drive(done);
  });

  test('is never less than 0 seconds behind, also if the clock is set back', async () => {
    const scene = new Scene();
    const done = scene.record();
    scene.offline = true;
    await scene.give('12');
    scene.clock.advance(-3_600_000);
    scene.recorder.give('34');
    await settle(scene.oss);
    expect(scene.lags.at(-1)).toEqual({ seconds: 0, bytes: 4, dropped: 0 });
    scene.offline = false;
    scene.recorder.stop();
    await scene.drive(done);
  });

  test('is not ended by a listener that throws', async () => {
    const reported = vi.fn();
    vi.stubGlobal('reportError', reported);
    const scene = new Scene();
    const oops = new Error('oops');
    const done = scene.record({
      onbehind: () => {
        throw oops;
      },
    });
    await scene.give('a');
    scene.recorder.stop();
    await scene.drive(done);
    vi.unstubAllGlobals();
    expect([scene.text, reported.mock.calls[0]]).toEqual(['a', [oops]]);
  });
});

describe('a full queue', () => {
  test('pauses the recorder until half of the queue is stored, and no byte is lost', async () => {
    const scene = new Scene();
    const done = scene.record({ queueSize: 10 });
    await scene.give('head');
    scene.offline = true;
    await scene.give('12345', '67890', 'x');
    expect([scene.recorder.state, scene.lags.at(-1)?.bytes]).toEqual(['paused', 11]);
    const { recorder } = scene;
    const resume = recorder.resume.bind(recorder);
    recorder.resume = () => {
      // 6 bytes are left after the first append, and that is more than half.
      expect(scene.text).toBe('head1234567890x');
      resume();
    };
    scene.offline = false;
    await scene.pass(120_000);
    expect(scene.recorder.state).toBe('recording');
    await scene.give('more');
    expect(scene.lags.at(-1)?.seconds).toBeLessThanOrEqual(1);
    scene.recorder.stop();
    await scene.drive(done);
    expect(scene.text).toBe('head1234567890xmore');
    expect(scene.recorder.calls).toEqual(['start 1000', 'pause', 'resume', 'stop']);
  });

  test('does not go on with a recorder that the caller has stopped meanwhile', async () => {
    const scene = new Scene();
    const done = scene.record({ queueSize: 4 });
    scene.offline = true;
    await scene.give('12345');
    scene.recorder.stop('6');
    scene.offline = false;
    await scene.drive(done);
    expect([scene.text, scene.recorder.calls]).toEqual(['123456', ['start 1000', 'pause', 'stop']]);
  });

  test('with the policy stop, stops the recorder, and everything that was recorded is stored', async () => {
    const scene = new Scene();
    const done = scene.record({ queueSize: 8, whenFull: 'stop' });
    scene.offline = true;
    await scene.give('12345', '6789');
    expect(scene.recorder.state).toBe('inactive');
    scene.offline = false;
    expect(await scene.drive(done)).toMatchObject({ full: true, dropped: 0 });
    expect(scene.text).toBe('123456789');
  });

  test('with the policy drop, leaves out whole clusters, the oldest first, and the rest is a valid file', async () => {
    const scene = new Scene();
    const blocks = (n: number) => [simpleBlock(n, 40), simpleBlock(n + 0.5, 40)];
    const clusters = Array.from({ length: 12 }, (_, n) => cluster(n, blocks(n)));
    const whole = webm(HEADER, ...clusters);
    const done = scene.record({ queueSize: 400, whenFull: 'drop' });
    // The chunks do not respect the clusters.
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < whole.byteLength; at += 37) chunks.push(whole.slice(at, at + 37));
    await scene.give(...chunks.slice(0, 6));
    scene.offline = true;
    for (const chunk of chunks.slice(6)) {
      await scene.give(chunk);
      expect(scene.lags.at(-1)?.bytes).toBeLessThanOrEqual(400);
    }
    scene.offline = false;
    scene.recorder.stop();
    const { dropped } = await scene.drive(done);
    const kept = clustersOf(scene.stored as Uint8Array<ArrayBuffer>);
    expect(dropped).toBe(whole.byteLength - (scene.stored?.byteLength ?? 0));
    expect(dropped).toBeGreaterThan(300);
    // The beginning was stored, the last clusters are whole, and between them clusters are missing.
    expect(kept.length).toBeLessThan(12);
    expect(kept.slice(-3)).toEqual(clusters.slice(-3).map((bytes) => Buffer.from(bytes).toString('hex')));
    expect(Buffer.from(scene.stored as Uint8Array).subarray(0, HEADER.byteLength)).toEqual(Buffer.from(HEADER));
  });

  test('leaves out the rest of a cluster, too, that is longer than the queue', async () => {
    const scene = new Scene();
    const long = cluster(
      1,
      Array.from({ length: 24 }, (_, n) => simpleBlock(n, 40)),
    );
    const [before, after] = [cluster(0, [simpleBlock(0, 40)]), cluster(2, [simpleBlock(60, 40)])];
    const done = scene.record({ queueSize: 400, whenFull: 'drop' });
    await scene.give(webm(HEADER, before));
    scene.offline = true;
    for (let at = 0; at < long.byteLength; at += 100) await scene.give(long.slice(at, at + 100));
    await scene.give(after);
    scene.offline = false;
    scene.recorder.stop();
    await scene.drive(done);
    const [first, ...rest] = clustersOf(scene.stored as Uint8Array<ArrayBuffer>);
    expect(first).toBe(Buffer.from(before).toString('hex'));
    // The bytes that were in flight when the network went away are stored: a beginning of the cluster, up to the end of
    // a block.
    expect(rest.at(-1)).toBe(Buffer.from(after).toString('hex'));
    for (const part of rest.slice(0, -1)) expect(Buffer.from(long).toString('hex')).toContain(part);
    expect(scene.stored?.byteLength).toBeLessThan(400);
  });

  test('goes on after a gap with the next key frame of each track', async () => {
    const scene = new Scene();
    const [sound, picture] = [{ track: 1 }, { track: 2, isKey: false }];
    const first = cluster(0, [simpleBlock(0, 150, sound), simpleBlock(0, 150, { track: 2 })]);
    const left = cluster(1, [simpleBlock(1, 150, sound), simpleBlock(1, 150, picture)]);
    const sounds = [2, 3].map((time) => simpleBlock(time, 40, sound));
    const pictures = [2, 3].map((time) => simpleBlock(time, 40, { track: 2, isKey: time === 3 }));
    const done = scene.record({ queueSize: 600, whenFull: 'drop' });
    await scene.give(webm(HEADER, first));
    scene.offline = true;
    // A part of the next cluster is in flight. The cluster after it waits, and is left out.
    await scene.give(
      cluster(1, [simpleBlock(1, 20, sound)]),
      left,
      cluster(2, [sounds[0] as Uint8Array, pictures[0] as Uint8Array]),
    );
    await scene.give(
      cluster(3, [sounds[1] as Uint8Array, pictures[1] as Uint8Array]),
      cluster(4, [simpleBlock(4, 100, picture)]),
    );
    await scene.give(cluster(5, [simpleBlock(5, 100, picture)]));
    scene.offline = false;
    scene.recorder.stop();
    const { dropped } = await scene.drive(done);
    const kept = clustersOf(scene.stored as Uint8Array<ArrayBuffer>);
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    expect(kept.slice(2)).toEqual([
      hex(cluster(2, [sounds[0] as Uint8Array])),
      hex(cluster(3, [sounds[1] as Uint8Array, pictures[1] as Uint8Array])),
      hex(cluster(4, [simpleBlock(4, 100, picture)])),
      hex(cluster(5, [simpleBlock(5, 100, picture)])),
    ]);
    expect(dropped).toBe(left.byteLength + (pictures[0]?.byteLength ?? 0));
  });

  test('takes clusters of a known size as a whole', async () => {
    const scene = new Scene();
    const clusters = Array.from({ length: 8 }, (_, n) => cluster(n, [simpleBlock(n, 60), simpleBlock(n, 60)], false));
    const done = scene.record({ queueSize: 400, whenFull: 'drop' });
    await scene.give(webm(HEADER, clusters[0] as Uint8Array));
    scene.offline = true;
    for (const bytes of clusters.slice(1)) await scene.give(bytes.slice(0, 50), bytes.slice(50));
    scene.offline = false;
    scene.recorder.stop();
    await scene.drive(done);
    const whole = clusters.map((bytes) => Buffer.from(bytes).toString('hex'));
    const kept = clustersOf(scene.stored as Uint8Array<ArrayBuffer>);
    expect(kept.length).toBeLessThan(8);
    expect(whole).toEqual(expect.arrayContaining(kept));
    expect(kept.at(-1)).toBe(whole.at(-1));
  });

  test('cannot leave out clusters if the recording is not WebM', async () => {
    const scene = new Scene();
    const done = failureOf(scene.record({ queueSize: 400, whenFull: 'drop' }));
    await scene.give('ftyp and so on');
    expect(await scene.drive(done)).toMatchObject({ code: 'NotWebm' });
    expect(scene.recorder.state).toBe('inactive');
  });
});

/** The clusters of a file that the splitter takes for a valid one, as hex. */
function clustersOf(bytes: Uint8Array<ArrayBuffer>): string[] {
  const hex = Buffer.from(bytes).toString('hex');
  return hex
    .split('1f43b675')
    .slice(1)
    .map((rest) => `1f43b675${rest}`);
}

describe('a recording that fails', () => {
  test('rejects if the recorder fails, and the media before the failure is stored', async () => {
    const scene = new Scene();
    const done = failureOf(scene.record());
    await scene.give('one ');
    const cause = new DOMException('no more camera', 'UnknownError');
    scene.recorder.fail(cause);
    expect(await scene.drive(done)).toMatchObject({ name: 'SourceError', cause });
    expect(scene.text).toBe('one last');
  });

  test.each([
    ['a refusal', { kind: 'deny' } as Fault, { name: 'ServiceError', code: 'AccessDenied' }],
    [
      'another writer',
      { kind: 'rival', bytes: utf8('rival'), when: 'before' } as Fault,
      { name: 'AppendConflictError' },
    ],
    ['damage', { kind: 'flip-bit' } as Fault, { name: 'ChecksumError' }],
  ])('stops the recorder: %s', async (_, fault, expected) => {
    const scene = new Scene();
    scene.faults = ({ operation }) => (operation === 'AppendObject' ? fault : undefined);
    const done = failureOf(scene.record());
    scene.recorder.give('one');
    expect(await scene.drive(done)).toMatchObject(expected);
    expect(scene.recorder.state).toBe('inactive');
  });

  test('does not begin if the object has bytes already', async () => {
    const scene = new Scene();
    scene.oss.appendObject('logs', 'a.webm', utf8('old'));
    const done = failureOf(scene.record());
    scene.recorder.give('one');
    expect(await scene.drive(done)).toMatchObject({ name: 'OssError', code: 'ObjectNotEmpty' });
    expect([scene.text, scene.recorder.state]).toEqual(['old', 'inactive']);
  });

  test('ends with the signal’s reason while the network is away, and leaves no listener and no timer', async () => {
    const scene = new Scene();
    const { controller, listeners } = countedAbort();
    const done = failureOf(scene.record({ signal: controller.signal }));
    await scene.give('one');
    scene.offline = true;
    await scene.give('two');
    controller.abort('enough');
    expect(await done).toBe('enough');
    expect([scene.recorder.state, listeners(), scene.clock.waiting]).toEqual(['inactive', 0, 0]);
  });

  test('ends with the signal’s reason while nothing waits', async () => {
    const scene = new Scene();
    const controller = new AbortController();
    const done = failureOf(scene.record({ signal: controller.signal }));
    await scene.give('one');
    controller.abort('enough');
    expect(await done).toBe('enough');
  });

  test('is refused at the call for impossible arguments, and nothing is recorded', async () => {
    const scene = new Scene('video/mp4');
    const bad = (options: unknown) => failureOf(scene.record(options as RecordOptions));
    expect(await bad({ whenFull: 'drop' })).toBeInstanceOf(TypeError);
    expect(await bad({ whenFull: 'never' })).toBeInstanceOf(TypeError);
    expect(await bad({ timeslice: 0 })).toBeInstanceOf(RangeError);
    expect(await bad({ queueSize: 0 })).toBeInstanceOf(RangeError);
    expect(await bad({ onbehind: 1 })).toBeInstanceOf(TypeError);
    expect(await bad({ signal: AbortSignal.abort('before') })).toBe('before');
    scene.recorder.start();
    expect(await bad({})).toBeInstanceOf(TypeError);
    expect([scene.oss.requests, scene.recorder.calls]).toEqual([[], ['start undefined']]);
  });
});
