// CRC-64/XZ: ECMA-182's polynomial, reflected, all ones in and out; OSS sends it as x-oss-hash-crc64ecma.
// Hides a polynomial division that runs at memory speed in plain JavaScript: 64-bit values as two 32-bit halves (bigint only in
// the signatures), tables made on first use, and one scratch buffer that the input is copied through, so that any alignment will do.
// The scratch is read as words: a little-endian machine is assumed, which every platform with these Web APIs is.
//
// Why the typed arrays are many, constant and unfilled: V8 folds the address of a module constant into the loop, keeps every
// bounds check, but shares one check between arrays of equal length read at the same index. A view for each offset is
// half as fast again as one array read at `i + offset`. An import must cost nothing, and bundlers drop what is marked pure.

/** A polynomial over GF(2) of degree below 64, or a register: [low, high] halves as int32; bit 63 is the coefficient of x^0. */
type Word64 = readonly [low: number, high: number];

const POLYNOMIAL_LOW = 0xd7870f42;
const POLYNOMIAL_HIGH = 0xc96c5795;

// Slicing-by-8: entry 256 * k + v is what byte v becomes when k more bytes have followed it.
const LOW = /* @__PURE__ */ new Int32Array(2048);
const HIGH = /* @__PURE__ */ new Int32Array(2048);

// The sparse fold. With y = x^32, one word of the message, the polynomial P divides
//
//     y^2597 + y^1148 + y^986 + y^927 + y^840 + y^690 + y^410 + 1
//
// (found by search for this project; the idea is Chorba's, for CRC-32). A word 2597 + m places before the end of the message stands
// for w * y^(2597 + m), which modulo P is w * (y^1148 + … + 1) * y^m: so it may be taken out if it is xored into the words
// 2597 - 1148, 2597 - 986, … and 2597 places further on. Seen from the word that receives, at i + 2597, the words to gather are at
// i, i + 410, … and i + 1148, all of them complete by then. No table, eight loads for four bytes; and when only the last 2597 words
// are left, the CRC of those is the CRC of the message.
const SPAN = 2597;
// Words folded between two copies of the carry. With the span before it, it stays in a first-level cache of 32 KiB.
const BLOCK = 4096;
// Words of the remainder that gather from the carry alone: 2597 - 1148 of them, made even for the unrolled loop.
const HEAD = 1448;
// Below this many bytes the remainder is so large a part that slicing alone is as fast.
const FOLD_FROM = 32768;

const BUFFER = /* @__PURE__ */ new ArrayBuffer(4 * (SPAN + BLOCK));
const BYTES = /* @__PURE__ */ new Uint8Array(BUFFER);
const WORDS = /* @__PURE__ */ new Int32Array(BUFFER);
const AT_0 = /* @__PURE__ */ new Int32Array(BUFFER, 0, BLOCK);
const AT_410 = /* @__PURE__ */ new Int32Array(BUFFER, 4 * 410, BLOCK);
const AT_690 = /* @__PURE__ */ new Int32Array(BUFFER, 4 * 690, BLOCK);
const AT_840 = /* @__PURE__ */ new Int32Array(BUFFER, 4 * 840, BLOCK);
const AT_927 = /* @__PURE__ */ new Int32Array(BUFFER, 4 * 927, BLOCK);
const AT_986 = /* @__PURE__ */ new Int32Array(BUFFER, 4 * 986, BLOCK);
const AT_1148 = /* @__PURE__ */ new Int32Array(BUFFER, 4 * 1148, BLOCK);
const AT_SPAN = /* @__PURE__ */ new Int32Array(BUFFER, 4 * SPAN, BLOCK);

/**
 * The CRC-64/XZ of `data`, as OSS computes it for an object.
 *
 * @param data - bytes: an ArrayBuffer or any view of one, of any length and alignment, from any realm
 * @param value - the CRC of the bytes before `data`, to continue from; 0n, the CRC of nothing, to begin
 * @returns an unsigned 64-bit value; OSS writes it in decimal, so `String(crc)` compares with `hashCrc64ecma`
 * @throws TypeError if `data` is not bytes or `value` not a bigint; RangeError if `value` is outside 0..2^64-1
 * @example
 * const bytes = new TextEncoder().encode('123456789');
 * crc64(bytes); // 0x995dc9bbdf1939fan
 * crc64(bytes.subarray(4), crc64(bytes.subarray(0, 4))); // the same
 * @see https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-xz
 */
export function crc64(data: BufferSource, value: bigint = 0n): bigint {
  const bytes = toBytes(data);
  const [low, high] = toWord64(value);
  if (HIGH[1] === 0) fillTables();
  const update = bytes.length < FOLD_FROM ? updateBySlicing : updateByFolding;
  const register = update([~low, ~high], bytes);
  return toBigInt([~register[0], ~register[1]]);
}

/**
 * The CRC-64/XZ of two pieces one after the other, from the CRC of each. Takes microseconds, however long the pieces.
 *
 * @param crc1 - CRC of the first piece
 * @param crc2 - CRC of the second piece
 * @param length2 - length of the second piece, in bytes
 * @throws TypeError if an argument has another type; RangeError if a CRC is outside 0..2^64-1, or `length2` not a non-negative
 *   safe integer
 * @example
 * crc64Combine(crc64(first), crc64(second), second.byteLength); // the CRC of both together
 */
export function crc64Combine(crc1: bigint, crc2: bigint, length2: number): bigint {
  let [low, high] = toWord64(crc1);
  const [low2, high2] = toWord64(crc2);
  checkLength(length2);
  // The first CRC moves up by x^8 for each byte that follows; the inversions of the two cancel out (as in zlib).
  let power: Word64 = [0, 1 << (63 - 8 - 32)];
  for (let length = length2; length > 0; length = Math.floor(length / 2)) {
    if (length % 2 === 1) [low, high] = multiply([low, high], power);
    power = multiply(power, power);
  }
  return toBigInt([low ^ low2, high ^ high2]);
}

function toBytes(data: BufferSource): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // By tag, because `instanceof` refuses a buffer of another realm (a frame, a test environment).
  const tag = Object.prototype.toString.call(data).slice(8, -1);
  if (tag === 'ArrayBuffer') return new Uint8Array(data);
  throw new TypeError(`Cannot compute a CRC-64: expected an ArrayBuffer or a view of one, found ${tag}`);
}

function toWord64(value: bigint): Word64 {
  if (typeof value !== 'bigint') throw new TypeError(`A CRC-64 must be a bigint, found ${typeof value}`);
  if (value !== BigInt.asUintN(64, value)) throw new RangeError(`A CRC-64 must be in 0..2^64-1, found ${value}`);
  return [Number(BigInt.asUintN(32, value)) | 0, Number(value >> 32n) | 0];
}

function toBigInt([low, high]: Word64): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

function checkLength(length2: number): void {
  if (typeof length2 !== 'number') throw new TypeError(`length2 must be a number of bytes, found ${typeof length2}`);
  if (Number.isSafeInteger(length2) && length2 >= 0) return;
  throw new RangeError(`length2 must be a non-negative safe integer, found ${length2}`);
}

/** The table of all bytes in all eight places: only 64 entries are shifted, the others are sums of two before them. */
function fillTables(): void {
  let entry: Word64 = [1, 0];
  for (let base = 0; base < 2048; base += 256) {
    for (let bit = 128; bit > 0; bit >>= 1) {
      entry = shift(entry[0], entry[1]);
      LOW[base + bit] = entry[0];
      HIGH[base + bit] = entry[1];
    }
    for (let v = 1; v < 256; v++) {
      const [rest, lowest] = [base + (v & (v - 1)), base + (v & -v)];
      if (rest > base) LOW[base + v] = LOW[rest]! ^ LOW[lowest]!;
      if (rest > base) HIGH[base + v] = HIGH[rest]! ^ HIGH[lowest]!;
    }
  }
}

/** Times x, modulo P. */
function shift(low: number, high: number): Word64 {
  const carry = -(low & 1);
  return [((low >>> 1) | (high << 31)) ^ (carry & POLYNOMIAL_LOW), (high >>> 1) ^ (carry & POLYNOMIAL_HIGH)];
}

function multiply(a: Word64, b: Word64): Word64 {
  let [low, high] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    // Horner's rule, from x^63 down. A shift count is taken modulo 32.
    const taken = -((a[bit >> 5]! >>> bit) & 1);
    [low, high] = shift(low, high);
    low ^= taken & b[0];
    high ^= taken & b[1];
  }
  return [low, high];
}

function updateBySlicing(register: Word64, bytes: Uint8Array): Word64 {
  let result = register;
  for (let at = 0; at < bytes.length; at += 4 * BLOCK) {
    const block = bytes.subarray(at, at + 4 * BLOCK);
    BYTES.set(block);
    result = slice(result, 0, block.length);
  }
  return result;
}

/** For `bytes` of at least SPAN words: folds all but the last SPAN words away, and slices those from a zero register. */
function updateByFolding([low, high]: Word64, bytes: Uint8Array): Word64 {
  let at = 0;
  WORDS.fill(0, 0, SPAN);
  while (bytes.length - at >= 4 * SPAN + 8) {
    const size = Math.min(4 * BLOCK, bytes.length - at - 4 * SPAN) & ~7;
    BYTES.set(bytes.subarray(at, at + size), 4 * SPAN);
    // A register is nothing but a summand of the next eight bytes.
    WORDS[SPAN]! ^= at === 0 ? low : 0;
    WORDS[SPAN + 1]! ^= at === 0 ? high : 0;
    fold(0, size / 4);
    WORDS.copyWithin(0, size / 4, size / 4 + SPAN);
    at += size;
  }
  BYTES.set(bytes.subarray(at), 4 * SPAN);
  return sliceRemainder(bytes.length - at);
}

/** The remainder, behind the carry, takes what the carry holds and nothing from itself: so its head is cleared half-way. */
function sliceRemainder(length: number): Word64 {
  fold(0, HEAD);
  const register = slice([0, 0], SPAN, 4 * HEAD);
  WORDS.fill(0, SPAN, SPAN + HEAD);
  fold(HEAD, SPAN + 1);
  return slice(register, SPAN + HEAD, length - 4 * HEAD);
}

/** Completes the words from SPAN + i to SPAN + end; `end - i` is even. Two words a turn: a smaller function gets inlined by V8 into
 * callers where it no longer knows that the arrays are constants. */
function fold(i: number, end: number): void {
  for (; i < end; i += 2) {
    AT_SPAN[i] = AT_0[i]! ^ AT_410[i]! ^ AT_690[i]! ^ AT_840[i]! ^ AT_927[i]! ^ AT_986[i]! ^ AT_1148[i]! ^ AT_SPAN[i]!;
    AT_SPAN[i + 1] =
      AT_0[i + 1]! ^
      AT_410[i + 1]! ^
      AT_690[i + 1]! ^
      AT_840[i + 1]! ^
      AT_927[i + 1]! ^
      AT_986[i + 1]! ^
      AT_1148[i + 1]! ^
      AT_SPAN[i + 1]!;
  }
}

/** Runs `length` bytes of the scratch, from word `from` on, through the register: sixteen bytes a turn, the last few one by one. */
function slice(register: Word64, from: number, length: number): Word64 {
  let [low, high] = register;
  const end = from + 4 * (length >>> 4);
  for (let i = from; i < end; i += 4) {
    let a = low ^ WORDS[i]!;
    let b = high ^ WORDS[i + 1]!;
    low =
      LOW[1792 + (a & 255)]! ^
      LOW[1536 + ((a >>> 8) & 255)]! ^
      LOW[1280 + ((a >>> 16) & 255)]! ^
      LOW[1024 + (a >>> 24)]! ^
      LOW[768 + (b & 255)]! ^
      LOW[512 + ((b >>> 8) & 255)]! ^
      LOW[256 + ((b >>> 16) & 255)]! ^
      LOW[b >>> 24]!;
    high =
      HIGH[1792 + (a & 255)]! ^
      HIGH[1536 + ((a >>> 8) & 255)]! ^
      HIGH[1280 + ((a >>> 16) & 255)]! ^
      HIGH[1024 + (a >>> 24)]! ^
      HIGH[768 + (b & 255)]! ^
      HIGH[512 + ((b >>> 8) & 255)]! ^
      HIGH[256 + ((b >>> 16) & 255)]! ^
      HIGH[b >>> 24]!;
    a = low ^ WORDS[i + 2]!;
    b = high ^ WORDS[i + 3]!;
    low =
      LOW[1792 + (a & 255)]! ^
      LOW[1536 + ((a >>> 8) & 255)]! ^
      LOW[1280 + ((a >>> 16) & 255)]! ^
      LOW[1024 + (a >>> 24)]! ^
      LOW[768 + (b & 255)]! ^
      LOW[512 + ((b >>> 8) & 255)]! ^
      LOW[256 + ((b >>> 16) & 255)]! ^
      LOW[b >>> 24]!;
    high =
      HIGH[1792 + (a & 255)]! ^
      HIGH[1536 + ((a >>> 8) & 255)]! ^
      HIGH[1280 + ((a >>> 16) & 255)]! ^
      HIGH[1024 + (a >>> 24)]! ^
      HIGH[768 + (b & 255)]! ^
      HIGH[512 + ((b >>> 8) & 255)]! ^
      HIGH[256 + ((b >>> 16) & 255)]! ^
      HIGH[b >>> 24]!;
  }
  for (let i = 4 * end; i < 4 * from + length; i++) {
    const v = (low ^ BYTES[i]!) & 255;
    low = ((low >>> 8) | (high << 24)) ^ LOW[v]!;
    high = (high >>> 8) ^ HIGH[v]!;
  }
  return [low, high];
}
