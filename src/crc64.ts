// CRC-64/XZ, OSS's x-oss-hash-crc64ecma: ECMA-182's polynomial P, reflected, all ones in and out.
// Hides a division of polynomials at about the speed of memory, in plain JavaScript: 64-bit values in two 32-bit halves (bigint
// only in the signatures), tables made on first use, and one scratch buffer that the input is copied through, so that any
// alignment will do. The scratch is filled as bytes and read as words: the machine is assumed to be little-endian.

/** Halves, as int32, of a polynomial of degree below 64. Reflected: the highest bit is the coefficient of x^0. */
type Word64 = readonly [low: number, high: number];
type Update = (register: Word64, bytes: Uint8Array) => Word64;

/** A function that does what {@link crc64} does. */
export type Crc64 = (data: Uint8Array<ArrayBuffer>, value: bigint) => bigint;

// The sparse fold. With y = x^32, the weight of one word of the message against the next, P divides
//
//     y^2597 + y^1148 + y^986 + y^927 + y^840 + y^690 + y^410 + 1
//
// (found by search for this project; the idea is Chorba's, for CRC-32). So a word w may be taken out of the message if it is xored
// into later ones: w * y^(2597 + m) = w * (y^1148 + … + y^410 + 1) * y^m mod P, that is into the words 2597 - 1148, 2597 - 986, …
// and 2597 places further on. Seen from the word at i + 2597 that receives: it gathers from the words at i, i + 410, … i + 1148,
// which are complete by then. When only the last 2597 words are left, their CRC from a zero register is that of the message.
// Eight loads and no table for four bytes, where slicing-by-8 has eighteen loads for eight, each waiting for the last.
const SPAN = 2597;
/** Words folded before the last SPAN of them, the carry, move to the front. Carry and block are small enough for the caches. */
const BLOCK = 6144;
/** Words after the carry that gather from nothing but the carry: SPAN - 1148 of them, as far as the loop has whole turns. */
const HEAD = 1446;
/** Bytes. In less, the last SPAN words are so large a part that slicing alone is as fast; and the scratch holds them at once. */
const FOLD_FROM = 4 * BLOCK;

let update: Update | undefined;

/**
 * The CRC-64/XZ of `data`, as OSS computes it for an object.
 *
 * @param data - the bytes: an ArrayBuffer or any view of one
 * @param value - the CRC of the bytes before `data`, to continue from; `0n`, the CRC of no bytes, to begin
 * @returns an unsigned 64-bit integer; `String(crc64(…))` is what OSS calls `hashCrc64ecma`
 * @throws TypeError if `data` is not bytes or `value` not a bigint; RangeError if `value` is outside 0..2^64-1
 * @example
 * const bytes = new TextEncoder().encode('123456789');
 * crc64(bytes); // 0x995dc9bbdf1939fan
 * crc64(bytes.subarray(4), crc64(bytes.subarray(0, 4))); // the same
 * @see https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-xz
 */
export function crc64(data: ArrayBuffer | ArrayBufferView, value: bigint = 0n): bigint {
  const bytes = toBytes(data);
  const [low, high] = toWord64(value);
  update ??= createUpdate();
  const register = update([~low, ~high], bytes);
  return toBigInt(~register[0], ~register[1]);
}

/**
 * The CRC-64/XZ of two pieces joined, from the CRC of each. It takes microseconds, however long the pieces are.
 *
 * @param crc1 - the CRC of the first piece
 * @param crc2 - the CRC of the second piece
 * @param length2 - the length of the second piece, in bytes
 * @throws TypeError if an argument has the wrong type; RangeError if a CRC is outside 0..2^64-1, or `length2` is not a
 *   non-negative safe integer
 * @example
 * crc64Combine(crc64(first), crc64(second), second.byteLength); // the CRC of a Blob of [first, second]
 */
export function crc64Combine(crc1: bigint, crc2: bigint, length2: number): bigint {
  let word = toWord64(crc1);
  const [low2, high2] = toWord64(crc2);
  if (!Number.isSafeInteger(length2) || length2 < 0)
    refuse('a length in bytes, a safe integer from 0', length2, 'number');
  // Each byte that follows moves the first CRC up by x^8. The inversions in and out cancel, as in zlib.
  for (let length = length2, bit = 0; length > 0; length = Math.floor(length / 2), bit++) {
    const root = powers[bit - 1] as Word64;
    const power = powers[bit] ?? multiply(root, root);
    powers[bit] = power;
    if (length % 2 === 1) word = multiply(word, power);
  }
  return toBigInt(word[0] ^ low2, word[1] ^ high2);
}

/** @throws TypeError where a function gives other CRCs: of a text that the catalogue has, and in two parts. */
export function checkCrc64(given: Crc64): void {
  const bytes = new TextEncoder().encode('123456789');
  if (given(bytes, 0n) === CHECK && given(bytes.subarray(4), given(bytes.subarray(0, 4), 0n)) === CHECK) return;
  throw new TypeError('crc64 must be a function (data, value) that computes CRC-64/XZ as a bigint');
}

const CHECK = 0x995dc9bbdf1939fan;

function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // By its tag: `instanceof` refuses the buffer of another realm (a frame, a test environment).
  const tag = Object.prototype.toString.call(data);
  if (tag === '[object ArrayBuffer]') return new Uint8Array(data);
  throw new TypeError(`Expected an ArrayBuffer or a view of one, found ${tag}`);
}

function toWord64(crc: bigint): Word64 {
  if (typeof crc !== 'bigint' || crc !== BigInt.asUintN(64, crc))
    refuse('a CRC-64, a bigint in 0..2^64-1', crc, 'bigint');
  return [Number(crc & 0xffffffffn) | 0, Number(crc >> 32n) | 0];
}

function toBigInt(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function refuse(expected: string, found: unknown, type: string): never {
  const ErrorClass = typeof found === type ? RangeError : TypeError;
  throw new ErrorClass(`Expected ${expected}, found ${String(found)} (${typeof found})`);
}

// The halves of a polynomial times x, modulo P. One function each: a pair would be allocated on every step.
function shiftLow(low: number, high: number): number {
  return ((low >>> 1) | (high << 31)) ^ (-(low & 1) & 0xd7870f42);
}

function shiftHigh(low: number, high: number): number {
  return (high >>> 1) ^ (-(low & 1) & 0xc96c5795);
}

/** x^8 to the power of 2^bit: what moves a CRC up by 2^bit bytes. Kept, for they cost more than what they are for. */
const powers: Word64[] = [[0, 1 << 23]];

/** The product modulo P, by Horner's rule: the coefficients of `a` from that of x^63, its lowest bit, to that of x^0. */
function multiply([aLow, aHigh]: Word64, [bLow, bHigh]: Word64): Word64 {
  let low = 0;
  let high = 0;
  for (let bit = 0; bit < 64; bit++) {
    const taken = -(((bit < 32 ? aLow : aHigh) >>> bit) & 1); // a shift counts modulo 32
    const shifted = shiftLow(low, high);
    high = shiftHigh(low, high) ^ (taken & bHigh);
    low = shifted ^ (taken & bLow);
  }
  return [low, high];
}

// Runs once, on the first call, so that an import costs nothing (half a millisecond, 51 KiB). The arrays are constants of this function, not of
// the module: V8 compiles the address of an array that is never assigned into the loop, and bundlers turn a module's `const` into
// `var`, which made the loop four times slower. For the same reason no array stands in a destructuring pattern below: V8 takes
// that for an assignment (a third slower).
function createUpdate(): Update {
  const lows = new Int32Array(2048);
  const highs = new Int32Array(2048);
  const buffer = new ArrayBuffer(4 * (SPAN + BLOCK));
  const scratch = new Uint8Array(buffer);
  const words = new Int32Array(buffer);
  // A view for each offset: V8 keeps every bounds check, but one check serves all arrays of one length read at one index.
  const viewFrom = (word: number) => new Int32Array(buffer, 4 * word, BLOCK);
  const words0 = viewFrom(0);
  const words410 = viewFrom(410);
  const words690 = viewFrom(690);
  const words840 = viewFrom(840);
  const words927 = viewFrom(927);
  const words986 = viewFrom(986);
  const words1148 = viewFrom(1148);
  const wordsSpan = viewFrom(SPAN);

  /** Slicing-by-8: entry 256 k + v is what a byte v comes to when k more bytes have passed. */
  function fillTables(): void {
    lows[0] = 1; // x^63, replaced below
    for (let bit = 0, last = 0; bit < 64; bit++) {
      const at = 256 * (bit >> 3) + (128 >> (bit & 7));
      lows[at] = shiftLow(lows[last]!, highs[last]!);
      highs[at] = shiftHigh(lows[last]!, highs[last]!);
      last = at;
    }
    // The other bytes are sums of two before them: the lowest bit, and the rest.
    for (let i = 0; i < 2048; i++) {
      const lowest = (i & -i) | (i & 1792);
      const rest = (i & (i - 1)) | (i & 1792);
      lows[i] = lows[lowest]! ^ lows[rest]!;
      highs[i] = highs[lowest]! ^ highs[rest]!;
    }
  }

  /**
   * Completes the words from SPAN + from to SPAN + end, six a turn: V8 inlines a shorter loop where it is optimized less well,
   * and in Firefox it is 1.8 times as fast as two a turn. In locals, for Firefox reads a variable of the closure anew each time.
   */
  function fold(from: number, end: number): void {
    const at0 = words0;
    const at410 = words410;
    const at690 = words690;
    const at840 = words840;
    const at927 = words927;
    const at986 = words986;
    const at1148 = words1148;
    const span = wordsSpan;
    for (let i = from; i < end; i += 6) {
      span[i] = at0[i]! ^ at410[i]! ^ at690[i]! ^ at840[i]! ^ at927[i]! ^ at986[i]! ^ at1148[i]! ^ span[i]!;
      span[i + 1] =
        at0[i + 1]! ^
        at410[i + 1]! ^
        at690[i + 1]! ^
        at840[i + 1]! ^
        at927[i + 1]! ^
        at986[i + 1]! ^
        at1148[i + 1]! ^
        span[i + 1]!;
      span[i + 2] =
        at0[i + 2]! ^
        at410[i + 2]! ^
        at690[i + 2]! ^
        at840[i + 2]! ^
        at927[i + 2]! ^
        at986[i + 2]! ^
        at1148[i + 2]! ^
        span[i + 2]!;
      span[i + 3] =
        at0[i + 3]! ^
        at410[i + 3]! ^
        at690[i + 3]! ^
        at840[i + 3]! ^
        at927[i + 3]! ^
        at986[i + 3]! ^
        at1148[i + 3]! ^
        span[i + 3]!;
      span[i + 4] =
        at0[i + 4]! ^
        at410[i + 4]! ^
        at690[i + 4]! ^
        at840[i + 4]! ^
        at927[i + 4]! ^
        at986[i + 4]! ^
        at1148[i + 4]! ^
        span[i + 4]!;
      span[i + 5] =
        at0[i + 5]! ^
        at410[i + 5]! ^
        at690[i + 5]! ^
        at840[i + 5]! ^
        at927[i + 5]! ^
        at986[i + 5]! ^
        at1148[i + 5]! ^
        span[i + 5]!;
    }
  }

  /** Passes `length` bytes of the scratch, from word `from`, through the register: sixteen a turn, the last ones singly. */
  function slice(register: Word64, from: number, length: number): Word64 {
    // In locals as above.
    const l = lows;
    const h = highs;
    const w = words;
    let [low, high] = register;
    const end = from + 4 * (length >>> 4);
    for (let i = from; i < end; i += 4) {
      let a = low ^ w[i]!;
      let b = high ^ w[i + 1]!;
      low =
        l[1792 + (a & 255)]! ^
        l[1536 + ((a >>> 8) & 255)]! ^
        l[1280 + ((a >>> 16) & 255)]! ^
        l[1024 + (a >>> 24)]! ^
        l[768 + (b & 255)]! ^
        l[512 + ((b >>> 8) & 255)]! ^
        l[256 + ((b >>> 16) & 255)]! ^
        l[b >>> 24]!;
      high =
        h[1792 + (a & 255)]! ^
        h[1536 + ((a >>> 8) & 255)]! ^
        h[1280 + ((a >>> 16) & 255)]! ^
        h[1024 + (a >>> 24)]! ^
        h[768 + (b & 255)]! ^
        h[512 + ((b >>> 8) & 255)]! ^
        h[256 + ((b >>> 16) & 255)]! ^
        h[b >>> 24]!;
      a = low ^ w[i + 2]!;
      b = high ^ w[i + 3]!;
      low =
        l[1792 + (a & 255)]! ^
        l[1536 + ((a >>> 8) & 255)]! ^
        l[1280 + ((a >>> 16) & 255)]! ^
        l[1024 + (a >>> 24)]! ^
        l[768 + (b & 255)]! ^
        l[512 + ((b >>> 8) & 255)]! ^
        l[256 + ((b >>> 16) & 255)]! ^
        l[b >>> 24]!;
      high =
        h[1792 + (a & 255)]! ^
        h[1536 + ((a >>> 8) & 255)]! ^
        h[1280 + ((a >>> 16) & 255)]! ^
        h[1024 + (a >>> 24)]! ^
        h[768 + (b & 255)]! ^
        h[512 + ((b >>> 8) & 255)]! ^
        h[256 + ((b >>> 16) & 255)]! ^
        h[b >>> 24]!;
    }
    for (let i = 4 * end; i < 4 * from + length; i++) {
      const v = (low ^ scratch[i]!) & 255;
      low = ((low >>> 8) | (high << 24)) ^ l[v]!;
      high = (high >>> 8) ^ h[v]!;
    }
    return [low, high];
  }

  function updateBySlicing(register: Word64, bytes: Uint8Array): Word64 {
    scratch.set(bytes);
    return slice(register, 0, bytes.length);
  }

  function updateByFolding(register: Word64, bytes: Uint8Array): Word64 {
    // A register is a summand of the next two words, and at the very front of the carry it is gathered by those and no others.
    words.fill(0, 0, SPAN);
    words.set(register);
    let rest = bytes;
    while (rest.length >= 4 * SPAN + 24) {
      const most = Math.min(4 * BLOCK, rest.length - 4 * SPAN);
      const size = most - (most % 24);
      scratch.set(rest.subarray(0, size), 4 * SPAN);
      fold(0, size / 4);
      words.copyWithin(0, size / 4, size / 4 + SPAN);
      rest = rest.subarray(size);
    }
    scratch.set(rest, 4 * SPAN);
    return sliceRest(rest.length);
  }

  /**
   * The rest gathers from the carry but not from itself: so its head is cleared before its end would gather from there. One
   * word more than the carry has fills the last turn of the loop: it gathers zeros.
   */
  function sliceRest(length: number): Word64 {
    fold(0, HEAD);
    const register = slice([0, 0], SPAN, 4 * HEAD);
    words.fill(0, SPAN, SPAN + HEAD);
    fold(HEAD, SPAN + 1);
    return slice(register, SPAN + HEAD, length - 4 * HEAD);
  }

  fillTables();
  return (register, bytes) => (bytes.length < FOLD_FROM ? updateBySlicing : updateByFolding)(register, bytes);
}
