// Compares CRC-64/XZ with published check values and with two simple BigInt models. The models follow the definition:
// one works on one bit at a time, and the other computes powers of x by square and multiply, without reflected bits.
import { createContext, runInContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { crc64, crc64Combine } from '../../src/crc64.ts';

const ALL_ONES = 2n ** 64n - 1n;

/**
 * Returns the CRC of every prefix of `data`. A test can then check any piece of `data`: `crc64` of the piece must lead
 * from the CRC of the bytes before it to the CRC of the bytes up to its end.
 */
function prefixCrcs(data: Uint8Array): bigint[] {
  let register = ALL_ONES;
  const crcs = [0n];
  for (const byte of data) {
    register ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      register = register & 1n ? (register >> 1n) ^ 0xc96c5795d7870f42n : register >> 1n;
    crcs.push(register ^ ALL_ONES);
  }
  return crcs;
}

const ECMA_182 = 2n ** 64n + 0x42f0e1eba9ea3693n;

function multiplyModulo(a: bigint, b: bigint): bigint {
  let product = 0n;
  for (let bit = 63n; bit >= 0n; bit--) {
    product <<= 1n;
    if (product >> 64n) product ^= ECMA_182;
    if ((a >> bit) & 1n) product ^= b;
  }
  return product;
}

const reverseBits = (value: bigint): bigint =>
  BigInt(`0b${[...value.toString(2).padStart(64, '0')].reverse().join('')}`);

/** Returns crc1 times x^(8 length2), plus crc2. The bits are in the usual order here, with the highest bit first. */
function combineModel(crc1: bigint, crc2: bigint, length2: number): bigint {
  let product = reverseBits(crc1);
  let power = 1n << 8n;
  for (let rest = BigInt(length2); rest > 0n; rest >>= 1n) {
    if (rest & 1n) product = multiplyModulo(product, power);
    power = multiplyModulo(power, power);
  }
  return reverseBits(product) ^ crc2;
}

/** Returns a generator of random integers in 0..limit-1 with a fixed seed (Marsaglia's xorshift32). */
function randomFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * limit);
  };
}

const random = randomFrom(0x0551);
const SIZE = 100_000;
const data = Uint8Array.from({ length: SIZE }, () => random(256));
const crcs = prefixCrcs(data);

/** Checks pieces of the given lengths at every offset within a word. Returns the pieces whose CRC is wrong. */
function wrongLengths(lengths: Iterable<number>): string[] {
  const wrong: string[] = [];
  for (const length of lengths) {
    for (let offset = 0; offset < 9; offset++) {
      const crc = crc64(data.subarray(offset, offset + length), crcs[offset]);
      if (crc !== crcs[offset + length]) wrong.push(`${length} bytes at ${offset}`);
    }
  }
  return wrong;
}

const around = (edge: number, margin: number): number[] =>
  Array.from({ length: 2 * margin + 1 }, (_, i) => edge - margin + i);

describe('crc64', () => {
  test.each([
    ['an empty input', '', 0n],
    ['the CRC catalogue', '123456789', 0x995dc9bbdf1939fan],
    ['the sample in the HeadObject documentation', 'test', 18020588380933092773n],
    ['the official Go SDK', 'hi oss,append object', 2313496259928504459n],
    ['a live object', 'hello from the typescript sdk 世界', 2861621986004973752n],
    ['twelve thousand bytes', 'append world'.repeat(1000), 4748502955135015132n],
  ])('the CRC equals the check value of %s', (_, text, crc) => {
    expect(crc64(new TextEncoder().encode(text))).toBe(crc);
  });

  test('every length up to 300 bytes gives the correct CRC at every offset', () => {
    expect(wrongLengths(around(150, 150))).toEqual([]);
  });

  // Folding begins at 24,576 bytes, and that is also the size of one block. Folding leaves a remainder of 2,597 words,
  // which are 10,388 bytes.
  test.each([
    ['the remainder, which is too short for folding', 10_388],
    ['one block, which is the shortest input for folding', 24_576],
    ['one block and the remainder', 24_576 + 10_388],
    ['two blocks', 2 * 24_576],
    ['two blocks and the remainder', 2 * 24_576 + 10_388],
    ['three blocks and the remainder', 3 * 24_576 + 10_388],
  ])('lengths around %s give the correct CRC at every offset', (_, edge) => {
    expect(wrongLengths(around(edge, 30))).toEqual([]);
  });

  test('random pieces one after the other give the correct CRC after each piece', () => {
    for (let round = 0; round < 50; round++) {
      let crc = 0n;
      for (let start = 0, end = 0; start < SIZE; start = end) {
        end = Math.min(SIZE, start + random(2 ** (1 + random(17))));
        crc = crc64(data.subarray(start, end), crc);
        expect(crc, `after ${start}..${end}`).toBe(crcs[end]);
      }
    }
  });

  test('the CRCs of two pieces give the CRC of the whole, at every split', () => {
    for (const total of [300, 25_000]) {
      const step = total === 300 ? 1 : 97;
      for (let split = 0; split <= total; split += step) {
        const first = crc64(data.subarray(0, split));
        expect(crc64(data.subarray(split, total), first), `${split} of ${total}`).toBe(crcs[total]);
      }
    }
  });

  test.each([0, 0xff])('bytes that all have the value %i give the correct CRC', (byte) => {
    const same = new Uint8Array(60_000).fill(byte);
    expect(crc64(same)).toBe(prefixCrcs(same).at(-1));
  });

  test('32 MiB in one call give the correct CRC', () => {
    const large = new Uint8Array(32 * 1024 * 1024 + 5);
    for (let at = 0; at < large.length; at += SIZE) large.set(data.subarray(0, Math.min(SIZE, large.length - at)), at);
    let crc = 0n;
    for (let at = 0; at < large.length; at += SIZE) {
      const length = Math.min(SIZE, large.length - at);
      crc = combineModel(crc, crcs[length]!, length);
    }
    expect(crc64(large)).toBe(crc);
  });

  test.each([0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, ALL_ONES])(
    'an empty input does not change the value %s',
    (value) => {
      expect(crc64(new Uint8Array(0), value)).toBe(value);
    },
  );

  test.each([1000, 60_000])('an input of %i bytes is not changed', (length) => {
    const input = new Uint8Array(length).fill(7);
    crc64(input);
    expect(input.findIndex((byte) => byte !== 7)).toBe(-1);
  });
});

describe('the accepted types of input', () => {
  const bytes = data.slice(0, 64);
  const realm = createContext({});

  test.each<[string, BufferSource]>([
    ['ArrayBuffer', bytes.buffer],
    ['DataView', new DataView(bytes.buffer)],
    ['Uint16Array', new Uint16Array(bytes.buffer)],
    ['Float64Array', new Float64Array(bytes.buffer)],
    ['Buffer', Buffer.from(bytes)],
  ])('the bytes of a %s are accepted', (_, source) => {
    expect(crc64(source)).toBe(crcs[64]);
  });

  test('only the bytes of a view count, not its whole buffer', () => {
    expect(crc64(new DataView(data.buffer, 3, 1000), crcs[3])).toBe(crcs[1003]);
    expect(crc64(new Float64Array(data.buffer, 8, 5000), crcs[8])).toBe(crcs[40_008]);
  });

  const scripts = ['new Uint8Array([49, 50, 51])', 'new Uint8Array([49, 50, 51]).buffer'];
  test.each(scripts)('bytes from another realm are accepted: %s', (script) => {
    const foreign = runInContext(script, realm) as BufferSource;
    expect(foreign instanceof Uint8Array || foreign instanceof ArrayBuffer).toBe(false);
    expect(crc64(foreign)).toBe(crc64(Uint8Array.of(49, 50, 51)));
  });

  test.each<[string, unknown]>([
    ['string', '123456789'],
    ['array', [1, 2, 3]],
    ['object with a length', { length: 3, byteLength: 3 }],
    ['Blob', new Blob(['123'])],
    ['number', 9],
    ['null', null],
    ['undefined', undefined],
  ])('a value of another type is refused: %s', (_, source) => {
    expect(() => crc64(source as BufferSource)).toThrow(TypeError);
    expect(() => crc64(source as BufferSource)).toThrow(
      /^Expected an ArrayBuffer or a view of one, found \[object \w+\]$/,
    );
  });

  test('a buffer that was transferred to another owner is refused', () => {
    const gone = new Uint8Array(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(() => crc64(gone)).toThrow(TypeError);
    expect(() => crc64(gone.buffer)).toThrow(TypeError);
  });
});

const badCrcs: [unknown, ErrorConstructor, string][] = [
  [-1n, RangeError, 'found -1 (bigint)'],
  [2n ** 64n, RangeError, 'found 18446744073709551616 (bigint)'],
  [0, TypeError, 'found 0 (number)'],
  ['18020588380933092773', TypeError, 'found 18020588380933092773 (string)'],
  [null, TypeError, 'found null (object)'],
];

describe.each(badCrcs)('a CRC of %s is refused', (crc, error, found) => {
  test.each<[string, (bad: bigint) => bigint]>([
    ['crc64 value', (bad) => crc64(data, bad)],
    ['crc64Combine crc1', (bad) => crc64Combine(bad, 1n, 1)],
    ['crc64Combine crc2', (bad) => crc64Combine(1n, bad, 1)],
  ])('as %s', (_, call) => {
    expect(() => call(crc as bigint)).toThrow(error);
    expect(() => call(crc as bigint)).toThrow(`Expected a CRC-64 bigint in 0..2^64-1, ${found}`);
  });
});

describe('crc64Combine', () => {
  test('two pieces with known CRCs give the measured value', () => {
    expect(crc64Combine(1796661072844795914n, 4748502955135015132n, 12_000)).toBe(15259750600578523500n);
  });

  test('random splits give the CRC of the whole, also when one side is empty', () => {
    for (let round = 0; round < 500; round++) {
      const total = random(round % 2 === 0 ? 20 : SIZE);
      const split = round % 10 === 0 ? 0 : round % 10 === 1 ? total : random(total + 1);
      const second = crc64(data.subarray(split, total));
      expect(crc64Combine(crcs[split]!, second, total - split), `${split} of ${total}`).toBe(crcs[total]);
    }
  });

  test.each([0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 5 * 2 ** 30, 2 ** 52 + 12_345, Number.MAX_SAFE_INTEGER])(
    'a second piece of %i bytes gives the same CRC as the model',
    (length) => {
      for (const crc of [1n, 2n ** 63n, ALL_ONES, ...crcs.slice(9, 20)]) {
        expect(crc64Combine(crc, crcs[9]!, length)).toBe(combineModel(crc, crcs[9]!, length));
      }
    },
  );

  test('the order of combining does not matter, also for lengths above 2^32', () => {
    for (let round = 0; round < 50; round++) {
      const [a, b, c] = [crcs[random(SIZE)]!, crcs[random(SIZE)]!, crcs[random(SIZE)]!];
      const [lengthB, lengthC] = [2 ** 32 + random(2 ** 40), 2 ** 32 + random(2 ** 50)];
      const left = crc64Combine(crc64Combine(a, b, lengthB), c, lengthC);
      expect(left).toBe(crc64Combine(a, crc64Combine(b, c, lengthC), lengthB + lengthC));
    }
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('a length of %d is out of range', (length) => {
    expect(() => crc64Combine(1n, 1n, length)).toThrow(RangeError);
    expect(() => crc64Combine(1n, 1n, length)).toThrow(`(safe integer >= 0), found ${length} (number)`);
  });

  test.each<[unknown]>([['5'], [5n], [undefined], [null]])('a length that is not a number is refused: %o', (length) => {
    expect(() => crc64Combine(1n, 1n, length as number)).toThrow(TypeError);
  });
});
