/** The queue of a log: what a record becomes, how much the queue holds, and what it does when it is full. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type QueueOptions, RecordQueue } from '../../src/log/queue.ts';

const lossRecord: QueueOptions['lossRecord'] = ({ records, bytes }) => `lost ${records} of ${bytes}`;

function queueOf(options: Partial<QueueOptions> = {}): RecordQueue {
  return new RecordQueue({ limit: 100, batchSize: 40, whenFull: 'dropOldest', lossRecord, ...options });
}

/** Takes everything out, and returns the text of each batch. */
function drain(queue: RecordQueue, most?: number): string[] {
  const texts: string[] = [];
  for (let batch = queue.take(most); batch; batch = queue.take(most)) {
    texts.push(new TextDecoder().decode(batch.bytes));
    queue.release();
  }
  return texts;
}

describe('what a record becomes', () => {
  test.each([
    ['text becomes a line', 'text', 'text\n'],
    ['a line stays a line', 'line\n', 'line\n'],
    ['text beyond ASCII is UTF-8', 'é日本🙂', 'é日本🙂\n'],
    ['an object becomes a line of JSON', { level: 'info', at: 1 }, '{"level":"info","at":1}\n'],
    ['an array becomes a line of JSON', [1, 'a'], '[1,"a"]\n'],
    ['bytes stay as they are', new TextEncoder().encode('raw'), 'raw'],
    ['a buffer stays as it is', new TextEncoder().encode('raw').buffer, 'raw'],
  ])('%s', (_, record, expected) => {
    const queue = queueOf();
    expect(queue.write(record)).toBe(true);
    expect([queue.bytes, queue.accepted]).toEqual([new TextEncoder().encode(expected).length, 1]);
    expect(drain(queue)).toEqual([expected]);
  });

  test('an error becomes its name, message and stack, with its own properties', () => {
    const queue = queueOf({ limit: 10_000, batchSize: 10_000 });
    queue.write(Object.assign(new RangeError('too far'), { code: 'E1' }));
    const parsed = JSON.parse(drain(queue)[0] as string);
    expect(parsed).toMatchObject({ name: 'RangeError', message: 'too far', code: 'E1' });
    expect(parsed.stack).toContain('queue.test.ts');
  });

  test('an error keeps its cause and its errors, and an error inside an object becomes the same', () => {
    const queue = queueOf({ limit: 100_000, batchSize: 100_000 });
    const cause = new TypeError('no network');
    queue.write({
      level: 'error',
      error: new Error('no answer', { cause }),
      all: [new AggregateError([cause], 'both')],
    });
    const network = { name: 'TypeError', message: 'no network', stack: expect.stringContaining('queue.test.ts') };
    expect(JSON.parse(drain(queue)[0] as string)).toEqual({
      level: 'error',
      error: expect.objectContaining({ name: 'Error', message: 'no answer', cause: network }),
      all: [expect.objectContaining({ name: 'AggregateError', message: 'both', errors: [network] })],
    });
  });

  test.each([
    ['a function', () => {}],
    ['a symbol in an object wrapper', Object(Symbol.iterator).valueOf()],
    ['a circular object', Object.assign([] as unknown[], { 0: null }).fill(null, 0, 0) && circular()],
    ['a BigInt in an object', { n: 1n }],
    ['an error that is its own cause', circularError()],
  ])('%s throws a TypeError, and nothing is queued', (_, record) => {
    const queue = queueOf();
    expect(() => queue.write(record)).toThrow(TypeError);
    expect([queue.accepted, queue.isEmpty]).toEqual([0, true]);
  });

  test('a record of no bytes is accepted and leaves nothing', () => {
    const queue = queueOf();
    expect(queue.write(new Uint8Array(0))).toBe(true);
    expect(queue.isEmpty).toBe(true);
  });

  test('bytes are copied when they are written', () => {
    const queue = queueOf();
    const bytes = new TextEncoder().encode('before');
    queue.write(bytes);
    bytes.fill(0);
    expect(drain(queue)).toEqual(['before']);
  });
});

function circular(): object {
  const object: { self?: object } = {};
  object.self = object;
  return object;
}

function circularError(): Error {
  const error = new Error('round and round');
  error.cause = error;
  return error;
}

describe('batches', () => {
  test('hold whole records, and no more bytes than a batch may have', () => {
    const queue = queueOf();
    for (const name of 'abcdef') queue.write(name.repeat(14));
    expect(drain(queue).map((text) => text.length)).toEqual([30, 30, 30]);
  });

  test('are shorter if fewer bytes are asked for', () => {
    const queue = queueOf();
    for (const name of 'abc') queue.write(name.repeat(9));
    expect(drain(queue, 25)).toEqual(['aaaaaaaaa\nbbbbbbbbb\n', 'ccccccccc\n']);
  });

  test('hold one record that is longer than a batch', () => {
    const queue = queueOf();
    for (const size of [5, 60, 5]) queue.write('x'.repeat(size));
    expect(drain(queue).map((text) => text.length)).toEqual([6, 61, 6]);
  });

  test('do not change while records are written after them', () => {
    const queue = queueOf({ limit: 10_000, batchSize: 5000 });
    queue.write('first');
    const batch = queue.take();
    queue.write('y'.repeat(3000));
    expect(new TextDecoder().decode(batch?.bytes)).toBe('first\n');
  });
});

describe('a full queue', () => {
  const write = (queue: RecordQueue, names: string) => [...names].map((name) => queue.write(name.repeat(29)));

  test('drops the oldest records, and a record of the loss comes before the others', () => {
    const queue = queueOf({ whenFull: 'dropOldest' });
    expect(write(queue, 'abcde')).toEqual([true, true, true, true, true]);
    expect([queue.dropped, queue.bytes]).toEqual([2, 90]);
    const text = drain(queue).join('');
    expect(text.split('\n').map((line) => line.slice(0, 12))).toEqual([
      'lost 2 of 60',
      'cccccccccccc',
      'dddddddddddd',
      'eeeeeeeeeeee',
      '',
    ]);
  });

  test('drops the newest records, and a record of the loss comes after the records before it', () => {
    const queue = queueOf({ whenFull: 'dropNewest' });
    expect(write(queue, 'abcde')).toEqual([true, true, true, true, true]);
    queue.take();
    queue.release();
    write(queue, 'f');
    const lines = drain(queue).join('').split('\n');
    expect(lines.map((line) => line.slice(0, 12))).toEqual([
      'bbbbbbbbbbbb',
      'cccccccccccc',
      'lost 2 of 60',
      'ffffffffffff',
      '',
    ]);
  });

  test('reports a loss at the end also when no record follows', () => {
    const queue = queueOf({ whenFull: 'dropNewest' });
    write(queue, 'abcd');
    expect(drain(queue).at(-1)).toBe('lost 1 of 30\n');
    expect(queue.isEmpty).toBe(true);
  });

  test('refuses a record, and does not count it as a loss', () => {
    const queue = queueOf({ whenFull: 'refuse' });
    expect(write(queue, 'abcd')).toEqual([true, true, true, false]);
    expect([queue.dropped, queue.newLoss()]).toEqual([0, undefined]);
    expect(drain(queue).join('')).not.toContain('lost');
  });

  test.each(['dropOldest', 'dropNewest'] as const)(
    'reports the loss of one record that is longer than the queue: %s',
    (whenFull) => {
      const queue = queueOf({ whenFull });
      queue.write('a');
      expect(queue.write('x'.repeat(200))).toBe(true);
      queue.write('b');
      expect(drain(queue).join('')).toBe(whenFull === 'dropOldest' ? 'a\nlost 1 of 201\nb\n' : 'a\nlost 1 of 201\nb\n');
    },
  );

  test('counts the bytes in flight', () => {
    const queue = queueOf({ whenFull: 'refuse' });
    write(queue, 'abc');
    queue.take();
    expect(write(queue, 'd')).toEqual([false]);
    queue.release();
    expect(write(queue, 'd')).toEqual([true]);
  });

  test('keeps the number of the first record in flight while later ones are dropped', () => {
    const queue = queueOf({ whenFull: 'dropOldest' });
    write(queue, 'ab');
    queue.take();
    write(queue, 'cdef');
    expect(queue.settled).toBe(0);
    queue.release();
    expect(queue.settled).toBe(4);
  });

  test('reports a loss again if the batch with the first report was lost', () => {
    const queue = queueOf({ whenFull: 'dropOldest' });
    write(queue, 'abcd');
    queue.take();
    queue.lose();
    expect(drain(queue).join('')).toMatch(/^lost 2 of \d+\n/);
  });

  test('takes records that are written while the report of a loss is made', () => {
    const names = [...'vwxyz'];
    const queue: RecordQueue = queueOf({
      lossRecord: ({ records }) => {
        queue.write((names.shift() ?? '-').repeat(39));
        return `lost ${records}`;
      },
    });
    write(queue, 'abcde');
    const lines: string[] = [];
    for (let takes = 0; takes < 8; takes++) {
      lines.push(...new TextDecoder().decode(queue.take()?.bytes).split('\n').filter(Boolean));
      queue.release();
    }
    expect(lines.map((line) => line.slice(0, 6)).join(' ')).toMatch(/^lost 2 (dddddd )?(eeeeee )?/);
    expect(lines.filter((line) => !/^(lost \d+|([a-z-])\2+)$/.test(line))).toEqual([]);
  });

  test('a report of a loss counts in the size of its batch', () => {
    const queue = queueOf({ lossRecord: () => 'x'.repeat(14) });
    for (let n = 0; n < 12; n++) queue.write(`${n}`.padEnd(9, '.'));
    expect(queue.dropped).toBe(2);
    expect(drain(queue, 35).map(({ length }) => length)).toEqual([35, 30, 10, 30, 10]);
  });

  test('reports a loss once', () => {
    const queue = queueOf();
    write(queue, 'abcde');
    expect([queue.newLoss(), queue.newLoss()]).toEqual([{ records: 2, bytes: 60 }, undefined]);
  });
});

test('no record is lost without being counted, none is doubled, and the order holds, whatever is written and taken', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), size: fc.integer({ min: 1, max: 130 }) }),
    fc.record({ kind: fc.constant('take' as const), size: fc.integer({ min: 1, max: 130 }) }),
  );
  const policy = fc.constantFrom('refuse' as const, 'dropOldest' as const, 'dropNewest' as const);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), policy, (steps, whenFull) => {
      const queue = queueOf({ whenFull, lossRecord: ({ records }) => `lost ${records}` });
      let [next, accepted, out] = [0, 0, ''];
      const take = (size?: number) => {
        const batch = queue.take(size);
        out += new TextDecoder().decode(batch?.bytes);
        queue.release();
        return batch;
      };
      for (const { kind, size } of steps) {
        if (kind === 'write') accepted += queue.write(`${next++}:`.padEnd(size, '.')) ? 1 : 0;
        else take(size);
        expect(queue.bytes).toBeLessThanOrEqual(100);
      }
      while (take());
      const lines = out.split('\n').slice(0, -1);
      const numbers = lines.filter((line) => !line.startsWith('lost')).map((line) => Number.parseInt(line, 10));
      const lost = lines.filter((line) => line.startsWith('lost')).map((line) => Number(line.slice(5)));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect(numbers.length + lost.reduce((sum, count) => sum + count, 0)).toBe(accepted);
    }),
    { numRuns: 300 },
  );
});
