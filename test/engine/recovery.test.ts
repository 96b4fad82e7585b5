/** After a failure the engine reads the object, and stores every segment exactly once. */
import { beforeAll, describe, expect, test } from 'vitest';
import { AppendConflictError, ChecksumError, TransportError } from '../../src/errors.ts';
import type { Fault, FaultRequest } from '../../src/testing/faults.ts';
import { Lab } from './exactly-once/lab.ts';
import { synchronousPlatform } from './exactly-once/platform.ts';
import { at, crcOf, hidden, utf8 } from './tools.ts';

// With this platform, a memory Blob is a platform Blob, so its slices are sent unchanged.
beforeAll(synchronousPlatform);

describe('after a failure the engine reads the object and decides', () => {
  test('no object and P = 0: the bytes are absent and are sent again', async () => {
    const lab = new Lab({ faults: [at({ kind: 'drop-before' })] });
    await expect(lab.run(lab.object.append('abcd'))).resolves.toEqual({ position: 4, hashCrc64ecma: crcOf('abcd') });
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'HEAD', 'POST 0']);
    expect(lab.stored).toBe('abcd');
  });

  test('no object and P > 0: another client deleted it', async () => {
    const lab = new Lab({ faults: [at({ kind: 'delete', when: 'before' }, 'AppendObject', 2)] });
    const error = await lab.failure(lab.object.append('abcdefgh'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ position: 4, size: 4, found: undefined, outcome: 'unknown', loaded: 4 });
    expect(error).toMatchObject({ tail: { position: 4, hashCrc64ecma: crcOf('abcd') } });
  });

  test('no bucket: this is an error, not an absent object', async () => {
    const lab = new Lab();
    const wrong = (request: { operation: string; key: string; position?: number | undefined }) =>
      `https://missing.oss-cn-hangzhou.aliyuncs.com/${request.key}`;
    const other = new Lab({ client: { presign: wrong, fetch: lab.oss.fetch } });
    await expect(other.run(other.object.append('abcd'))).rejects.toMatchObject({ code: 'NoSuchBucket', status: 404 });
    expect(lab.requests).toEqual(['HEAD']);
  });

  test('an object that is not appendable: this is a conflict', async () => {
    const faults = [
      at({ kind: 'drop-before' }),
      at({ kind: 'replace', when: 'before', type: 'Normal' }, 'HeadObject', 2),
    ];
    const lab = new Lab({ faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ found: 8, outcome: 'unknown' });
    expect(lab.stored).toBe('replaced');
  });

  test('an empty source and L = P: the append is done', async () => {
    const lab = new Lab({ faults: [at({ kind: 'drop-after' })] });
    await expect(lab.run(lab.object.append(''))).resolves.toEqual({ position: 0, hashCrc64ecma: '0' });
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'HEAD']);
    expect(lab.stored).toBe('');
  });

  test('an empty source and L > P: this is a conflict, but not among writers who share the object', async () => {
    const faults = [at({ kind: 'rival', when: 'before', bytes: utf8('other') })];
    const alone = new Lab({ faults });
    expect(await alone.failure(alone.object.append(''))).toBeInstanceOf(AppendConflictError);
    const sharing = new Lab({ faults, shared: true });
    await expect(sharing.run(sharing.object.append(''))).resolves.toMatchObject({ position: 5 });
    expect(sharing.requests).toEqual(['HEAD', 'POST 0', 'HEAD']);
  });

  test('L = P: the bytes are absent and are sent again', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'error-before', status: 503 })] });
    await lab.run(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD', 'POST 2']);
    expect(lab.stored).toBe('xyabcd');
  });

  test('L = P with another CRC: another client replaced the object', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('zz') } as const;
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'drop-before' }), at(replace, 'HeadObject', 2)] });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({ name: 'AppendConflictError', found: 2 });
    expect(lab.stored).toBe('zz');
  });

  test('L = P + n with the expected CRC: the bytes are committed, and no byte is read back', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'drop-after' })] });
    await lab.run(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD']);
    expect(lab.stored).toBe('xyabcd');
  });

  test('L = P + n with a hidden CRC: the bytes are read and compared', async () => {
    const faults = hidden(({ operation, nth }) =>
      operation === 'AppendObject' && nth === 1 ? [{ kind: 'drop-after' }] : [],
    );
    const lab = new Lab({ before: 'xy', faults });
    await lab.run(lab.object.append('abcdefgh'));
    // One GET reads the place, and another one reads a single byte, which shows that nothing was decoded.
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD', 'GET', 'GET', 'POST 6']);
    expect(lab.stored).toBe('xyabcdefgh');
  });

  test('L = P + n after a rival append of the same length: the length alone proves nothing', async () => {
    for (const hide of [false, true]) {
      const rival: Fault = { kind: 'rival', same: true, when: 'before' };
      const first = ({ operation, nth }: FaultRequest) => (operation === 'AppendObject' && nth === 1 ? [rival] : []);
      const lab = new Lab({ before: 'xy', faults: hide ? hidden(first) : first });
      const error = await lab.failure(lab.object.append('abcd'));
      expect(error).toBeInstanceOf(AppendConflictError);
      expect(error).toMatchObject({ position: 2, size: 4, found: 6, outcome: 'absent', loaded: 0 });
      expect(lab.stored).not.toContain('abcd');
    }
  });

  test('L > P + n with our bytes followed by others: stored, but a single writer gets a conflict and sharing writers continue', async () => {
    const faults = [at({ kind: 'drop-after' }), at({ kind: 'rival', when: 'after', bytes: utf8('other') })];
    const alone = new Lab({ faults });
    const error = await alone.failure(alone.object.append('abcd'));
    expect(error).toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ outcome: 'stored', loaded: 0 });
    expect(error).not.toHaveProperty('tail');
    const sharing = new Lab({ faults, shared: true });
    await expect(sharing.run(sharing.object.append('abcdefgh'))).resolves.toMatchObject({ position: 13 });
    expect(sharing.stored).toBe('abcdotherefgh');
  });

  test('equal bytes after a prefix that was replaced: this is a conflict', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('zzabcd') } as const;
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'drop-before' }), at(replace, 'HeadObject', 2)] });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({
      name: 'AppendConflictError',
      outcome: 'stored',
    });
  });

  test('P < L < P + n: other bytes are in our place', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'rival', when: 'before', bytes: utf8('o') })] });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 3, outcome: 'absent' });
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD']);
  });

  test('L < P: another client replaced the object by a shorter one', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('z') } as const;
    const lab = new Lab({ before: 'xy', shared: true, faults: [at(replace)] });
    const error = await lab.failure(lab.object.append('abcd'));
    // A writer with `shared` does not go on at the end of a shorter object, either.
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 1, outcome: 'unknown' });
  });

  test('a response that does not cover exactly the requested range proves nothing, so the engine reads again', async () => {
    const faults = hidden(({ operation, nth }) => {
      if (operation === 'AppendObject' && nth === 1) return [{ kind: 'drop-after' }];
      const shorter: Fault = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('xyz') };
      return operation === 'GetObject' && nth === 1 ? [shorter] : [];
    });
    const lab = new Lab({ before: 'xy', faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'HEAD', 'GET', 'HEAD']);
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 3 });
  });
});

describe('exactly once', () => {
  test('a 409 at the first attempt is reconciled, because the transport may have sent the POST twice', async () => {
    const lab = new Lab({ faults: [at({ kind: 'repeat', lost: 'first' })] });
    await lab.run(lab.object.append('abcd'));
    expect(lab.stored).toBe('abcd');
    expect(lab.requests).toEqual(['HEAD', 'POST 0', 'POST 0', 'HEAD']);
  });

  test('if the commit comes after the client gave up, the repeat is refused and the bytes are recognised', async () => {
    const lab = new Lab({ client: { timeout: 1000 }, faults: [at({ kind: 'commit-late', delay: 1001 })] });
    await lab.run(lab.object.append('abcdefgh'));
    expect(lab.stored).toBe('abcdefgh');
  });

  test('an abandoned segment that is stored late is recognised as ours, and the next call appends after it', async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const faults = [
      at({ kind: 'commit-late', delay: 1500 }),
      at({ kind: 'slow', bytesPerSecond: 4 }, 'AppendObject', 2),
    ];
    const lab = new Lab({ client, faults });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({ outcome: 'unknown' });
    expect(lab.object.pending).toEqual([{ position: 0, size: 4, outcome: 'unknown' }]);
    await lab.run(lab.object.append('XY'));
    expect(lab.stored).toBe('abcdXY');
  });

  test('an empty source sends nothing after a late segment of ours', async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const faults = [
      at({ kind: 'commit-late', delay: 1500 }),
      at({ kind: 'commit-late', delay: 1500 }, 'AppendObject', 2),
    ];
    const lab = new Lab({ client, faults });
    await lab.failure(lab.object.append('abcd'));
    await expect(lab.run(lab.object.append(''))).resolves.toMatchObject({ position: 4 });
    expect(lab.requests.filter((request) => request.startsWith('POST'))).toEqual(['POST 0', 'POST 0']);
  });

  test('open finds out the outcome of abandoned segments', async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const lab = new Lab({ client, faults: [at({ kind: 'commit-late', delay: 1500 })] });
    await lab.failure(lab.object.append('abcd'));
    await lab.run(lab.clock.wait(1000));
    await expect(lab.run(lab.object.open())).resolves.toMatchObject({ position: 4 });
    expect(lab.object.pending).toEqual([{ position: 0, size: 4, outcome: 'stored' }]);
  });

  test("an abandoned segment that cannot be read is not reported as another writer's", async () => {
    const client = { timeout: 1000, retry: { maxAttempts: 1 } };
    const faults = hidden(({ operation, nth }) => {
      if (operation === 'AppendObject' && nth === 1) return [{ kind: 'commit-late', delay: 1200 }];
      if (operation === 'AppendObject') return [{ kind: 'slow', bytesPerSecond: 5 }];
      // Two GETs read what this call sent: the place and a single byte of it. The third one reads what the first call
      // sent.
      return operation === 'GetObject' && nth === 3 ? [{ kind: 'deny' }] : [];
    });
    const lab = new Lab({ client, faults });
    await lab.failure(lab.object.append('abcd'));
    const error = await lab.failure(lab.object.append('XYZW'));
    expect(error).not.toBeInstanceOf(AppendConflictError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('oss:GetObject') });
  });

  test("if several writers share an object, each segment is stored once, whole and in its writer's order", async () => {
    const lab = new Lab({ shared: true, faults: ({ nth }) => ({ kind: 'answer-late', delay: 10 + (nth % 7) }) });
    const writers = ['a', 'b', 'c'].map((name) => ({ name, object: lab.another() }));
    const lines = (name: string) => ['1', '2', '3'].map((line) => `${name}${line};\n`);
    await lab.run(Promise.all(writers.map(({ name, object }) => object.append(lines(name)))));
    const stored = lab.stored?.match(/..;\n/g) ?? [];
    expect(stored).toHaveLength(9);
    for (const { name } of writers) expect(stored.filter((line) => line.startsWith(name))).toEqual(lines(name));
  });

  test('a wrong CRC after a success means a damaged object, and nothing is sent again', async () => {
    const lab = new Lab({ before: 'xy', faults: [at({ kind: 'flip-bit', at: 1 })] });
    const error = await lab.failure(lab.object.append('abcdefgh'));
    expect(error).toBeInstanceOf(ChecksumError);
    expect(error).toMatchObject({ code: 'ChecksumMismatch', position: 2, expected: crcOf('xyabcd'), loaded: 0 });
    // One GET reads the place, and another one reads a single byte, which shows that nothing was decoded.
    expect(lab.requests).toEqual(['HEAD', 'POST 2', 'GET', 'GET']);
  });

  test('a wrong CRC is a conflict if the bytes before ours were replaced', async () => {
    const replace = { kind: 'replace', when: 'before', type: 'Appendable', bytes: utf8('zz') } as const;
    const lab = new Lab({ before: 'xy', faults: [at(replace)] });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toMatchObject({ name: 'AppendConflictError', outcome: 'stored' });
    expect(lab.stored).toBe('zzabcd');
  });

  test('without oss:GetObject nothing can be proven, and the message says so', async () => {
    const tail = { position: 2, hashCrc64ecma: crcOf('xy') };
    const faults = [at({ kind: 'drop-after' }), at({ kind: 'deny' }, 'HeadObject')];
    const lab = new Lab({ before: 'xy', tail, faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('oss:GetObject') });
  });

  test('when no attempt is left, the outcome is unknown', async () => {
    const client = { retry: { maxAttempts: 3 } };
    const lab = new Lab({ client, faults: ({ method }) => (method === 'POST' ? { kind: 'drop-before' } : undefined) });
    expect(await lab.failure(lab.object.append('abcd'))).toMatchObject({ name: 'TransportError', outcome: 'unknown' });
    expect(lab.requests.filter((request) => request === 'POST 0')).toHaveLength(3);
  });

  test('a reconcile that fails itself is reported together with the first failure', async () => {
    const faults = ({ method, nth }: FaultRequest): Fault | undefined =>
      method === 'POST' ? { kind: 'drop-after' } : nth > 1 ? { kind: 'error-before' } : undefined;
    const lab = new Lab({ faults });
    const error = await lab.failure(lab.object.append('abcd'));
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ outcome: 'unknown', message: expect.stringContaining('could not be proven') });
  });

  test('after a failure the next call reads the object again', async () => {
    const lab = new Lab({ faults: [at({ kind: 'rival', when: 'before', bytes: utf8('other') })] });
    await lab.failure(lab.object.append('abcd'));
    await lab.run(lab.object.append('abcd'));
    expect(lab.stored).toBe('otherabcd');
  });
});
