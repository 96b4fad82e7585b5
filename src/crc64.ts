// Computes CRC-64/XZ, which OSS calls x-oss-hash-crc64ecma. It is the polynomial P of ECMA-182 with reflected bits, and
// all bits are inverted at the start and at the end.
// This file divides polynomials in plain JavaScript at nearly the speed of the memory. A 64-bit value is stored in two
// 32-bit halves, and bigint appears only in the public functions. The tables are built at the first call. The input is
// copied into a scratch buffer, so it can have any alignment. The buffer is written as bytes and read as 32-bit words,
// so the code works only on little-endian machines.

/**
 * A polynomial of degree below 64 as two int32 halves. The bits are reflected: the highest bit is the coefficient of
 * x^0.
 */
type Word64 = readonly [low: number, high: number];
type Update = (register: Word64, bytes: Uint8Array) => Word64;

/** A function with the same result as {@link crc64}. */
export type Crc64 = (data: Uint8Array<ArrayBuffer>, value: bigint) => bigint;

// The sparse fold. Let y = x^32. Each 32-bit word of the message has y times the weight of the next word. P divides
//
//     y^2597 + y^1148 + y^986 + y^927 + y^840 + y^690 + y^410 + 1
//
// This multiple was found by a search for this project. The idea is from Chorba, who uses it for CRC-32. It allows us
// to remove a word w from the message if we xor w into later words:
//
//     w * y^(2597 + m) = w * (y^1148 + … + y^410 + 1) * y^m mod P
//
// The later words are 2597 - 1148, 2597 - 986, … and 2597 places after w. The loop does the same from the view of the
// receiver: the word at i + 2597 is xored with the words at i, i + 410, … and i + 1148, which are complete at that
// time. At the end, only the last 2597 words are left. Their CRC, computed from a zero register, is the CRC of the
// message. The fold needs eight loads and no table for four bytes. Slicing-by-8 needs eighteen loads for eight bytes,
// and each step must wait for the step before it.
const SPAN = 2597;
/**
 * The number of words that are folded in one round. After a round, the last SPAN words (the carry) move to the front of
 * the buffer. A carry and a block together fit into the caches of the processor.
 */
const BLOCK = 6144;
/**
 * The number of words after the carry that depend only on the carry: SPAN - 1148, rounded down to a multiple of six.
 */
const HEAD = 1446;
/**
 * The shortest input in bytes for folding. Slicing is as fast for shorter inputs, because the last SPAN words are then
 * a large part of the work. A shorter input also fits into the scratch buffer.
 */
const FOLD_FROM = 4 * BLOCK;

let update: Update | undefined;

/**
 * Computes the CRC-64/XZ of `data`, which is the checksum that OSS computes for an object.
 *
 * @param data - the bytes: an ArrayBuffer or any view of an ArrayBuffer
 * @param value - the CRC of the bytes before `data`; the default `0n` is the CRC of an empty input
 * @returns an unsigned 64-bit integer; `String(crc64(…))` has the form of `hashCrc64ecma` in OSS
 * @throws TypeError if `data` is not bytes or `value` is not a bigint; RangeError if `value` is outside 0..2^64-1
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
 * Computes the CRC-64/XZ of two joined pieces from their CRCs. It takes microseconds, also for very long pieces.
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
  if (!Number.isSafeInteger(length2) || length2 < 0) refuse('a length in bytes (safe integer >= 0)', length2, 'number');
  // Each byte of the second piece multiplies the first CRC by x^8. The inversions at the start and at the end cancel
  // each other, as in zlib.
  for (let length = length2, bit = 0; length > 0; length = Math.floor(length / 2), bit++) {
    const root = powers[bit - 1] as Word64;
    const power = powers[bit] ?? multiply(root, root);
    powers[bit] = power;
    if (length % 2 === 1) word = multiply(word, power);
  }
  return toBigInt(word[0] ^ low2, word[1] ^ high2);
}

/**
 * Checks a function of the caller with the check value of the CRC catalogue, in one call and in two calls.
 *
 * @throws TypeError if the function returns another CRC.
 */
export function checkCrc64(given: Crc64): void {
  const bytes = new TextEncoder().encode('123456789');
  if (given(bytes, 0n) === CHECK && given(bytes.subarray(4), given(bytes.subarray(0, 4), 0n)) === CHECK) return;
  throw new TypeError('crc64 must be a function (data, value) that computes CRC-64/XZ as a bigint');
}

const CHECK = 0x995dc9bbdf1939fan;

function toBytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // The tag is checked because `instanceof` fails for a buffer from another realm, such as a frame or a test
  // environment.
  const tag = Object.prototype.toString.call(data);
  if (tag === '[object ArrayBuffer]') return new Uint8Array(data);
  throw new TypeError(`Expected an ArrayBuffer or a view of one, found ${tag}`);
}

function toWord64(crc: bigint): Word64 {
  if (typeof crc !== 'bigint' || crc !== BigInt.asUintN(64, crc)) refuse('a CRC-64 bigint in 0..2^64-1', crc, 'bigint');
  return [Number(crc & 0xffffffffn) | 0, Number(crc >> 32n) | 0];
}

function toBigInt(low: number, high: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function refuse(expected: string, found: unknown, type: string): never {
  const ErrorClass = typeof found === type ? RangeError : TypeError;
  throw new ErrorClass(`Expected ${expected}, found ${String(found)} (${typeof found})`);
}

// The two halves of a polynomial times x, modulo P. There is one function for each half, because a single function
// would allocate a pair at every step.
function shiftLow(low: number, high: number): number {
  return ((low >>> 1) | (high << 31)) ^ (-(low & 1) & 0xd7870f42);
}

function shiftHigh(low: number, high: number): number {
  return (high >>> 1) ^ (-(low & 1) & 0xc96c5795);
}

/**
 * The cached powers (x^8)^(2^bit). A multiplication with one of them moves a CRC by 2^bit bytes. They are kept because
 * a power costs more to compute than the multiplication for which it is needed.
 */
const powers: Word64[] = [[0, 1 << 23]];

/**
 * Returns the product modulo P by Horner's rule. It goes through the coefficients of `a` from x^63, which is the lowest
 * bit, to x^0.
 */
function multiply([aLow, aHigh]: Word64, [bLow, bHigh]: Word64): Word64 {
  let low = 0;
  let high = 0;
  for (let bit = 0; bit < 64; bit++) {
    const taken = -(((bit < 32 ? aLow : aHigh) >>> bit) & 1); // A shift uses its count modulo 32.
    const shifted = shiftLow(low, high);
    high = shiftHigh(low, high) ^ (taken & bHigh);
    low = shifted ^ (taken & bLow);
  }
  return [low, high];
}

// Builds the tables and the buffer at the first call of crc64, so that an import costs nothing. This takes half a
// millisecond and 51 KiB. The arrays are constants of this function and not of the module. V8 compiles the address of
// an array into the loop if the array's variable is never assigned. Bundlers turn the `const` of a module into `var`,
// and the loop was then four times slower. For the same reason, the code below does not use destructuring for the
// arrays: V8 treats it as an assignment, and the loop was a third slower.
function createUpdate(): Update {
  const lows = new Int32Array(2048);
  const highs = new Int32Array(2048);
  const buffer = new ArrayBuffer(4 * (SPAN + BLOCK));
  const scratch = new Uint8Array(buffer);
  const words = new Int32Array(buffer);
  // There is one view for each offset. V8 never removes a bounds check, but one check is enough for all arrays of the
  // same length that are read at the same index.
  const viewFrom = (word: number) => new Int32Array(buffer, 4 * word, BLOCK);
  const words0 = viewFrom(0);
  const words410 = viewFrom(410);
  const words690 = viewFrom(690);
  const words840 = viewFrom(840);
  const words927 = viewFrom(927);
  const words986 = viewFrom(986);
  const words1148 = viewFrom(1148);
  const wordsSpan = viewFrom(SPAN);

  /** Fills the tables of slicing-by-8. Entry 256 k + v is the effect of a byte v on the register after k more bytes. */
  function fillTables(): void {
    lows[0] = 1; // This is x^63. The loop replaces it below.
    for (let bit = 0, last = 0; bit < 64; bit++) {
      const at = 256 * (bit >> 3) + (128 >> (bit & 7));
      lows[at] = shiftLow(lows[last]!, highs[last]!);
      highs[at] = shiftHigh(lows[last]!, highs[last]!);
      last = at;
    }
    // Every other entry is the xor of two earlier entries: the one for the lowest bit and the one for the other bits.
    for (let i = 0; i < 2048; i++) {
      const lowest = (i & -i) | (i & 1792);
      const rest = (i & (i - 1)) | (i & 1792);
      lows[i] = lows[lowest]! ^ lows[rest]!;
      highs[i] = highs[lowest]! ^ highs[rest]!;
    }
  }

  /**
   * Folds the words from SPAN + from to SPAN + end, six in each turn of the loop. V8 would inline a shorter loop into
   * its caller and optimize it less there. In Firefox, six words in each turn are 1.8 times as fast as two. The views
   * are copied to local variables, because Firefox reads a variable of the closure again at each use.
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

  /**
   * Updates the register with `length` bytes of the scratch buffer, beginning at word `from`. Each turn of the loop
   * takes sixteen bytes, and the last bytes are taken one by one.
   */
  function slice(register: Word64, from: number, length: number): Word64 {
    // Local variables are faster in Firefox, as in `fold`.
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
    // The register must be xored into the first two words of the input. At the front of an otherwise empty carry, the
    // fold adds it to exactly these two words.
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
   * Finishes the last SPAN words. They need the fold from the carry, but not from each other. So their first HEAD words
   * are passed to the register and cleared before the other words are folded, which would otherwise read them. The loop
   * folds one word more than SPAN to complete its last turn. That word reads only zeros.
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
