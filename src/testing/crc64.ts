// CRC-64/XZ (reflected ECMA-182) for LocalOss. The checksums of the server must not come from the code of the client,
// so this is a second implementation. It uses slicing-by-8 on 32-bit halves. To join two checksums, it multiplies the
// first one by a power of x modulo the polynomial.

const POLY_HI = 0xc96c5795 | 0;
const POLY_LO = 0xd7870f42 | 0;
const MASK = 0xffffffffn;

// Row k, column b contains the register after the byte b and k zero bytes. The first call of crc64 fills the tables.
const low: Int32Array = /* @__PURE__ */ new Int32Array(8 * 256);
const high: Int32Array = /* @__PURE__ */ new Int32Array(8 * 256);
let filled = false;

/** Returns the CRC-64/XZ of `data`, continued from `value`, which is the CRC of the bytes before `data`. */
export function crc64(data: Uint8Array, value: bigint = 0n): bigint {
  if (!filled) fillTables();
  const register: Half = [~highOf(value), ~lowOf(value)];
  const whole = data.length - (data.length % 8);
  eightAtOnce(data, whole, register);
  oneByOne(data, whole, register);
  return toBigInt([~register[0], ~register[1]]);
}

/** Returns the CRC-64 of A followed by B, from the CRC of A, the CRC of B, and the length of B in bytes. */
export function crc64Combine(crcA: bigint, crcB: bigint, lengthB: number): bigint {
  return toBigInt(times8nX(fromBigInt(crcA), lengthB)) ^ crcB;
}

/** Returns the CRC-64 of `length` zero bytes without reading any bytes. */
export function crc64OfZeros(length: number): bigint {
  const [hi, lo] = times8nX([-1, -1], length);
  return toBigInt([~hi, ~lo]);
}

type Half = [hi: number, lo: number];

function eightAtOnce(data: Uint8Array, end: number, register: Half): void {
  let [hi, lo] = register;
  for (let i = 0; i < end; i += 8) {
    const a = lo ^ (data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24));
    const b = hi ^ (data[i + 4]! | (data[i + 5]! << 8) | (data[i + 6]! << 16) | (data[i + 7]! << 24));
    const i0 = 1792 + (a & 255);
    const i1 = 1536 + ((a >>> 8) & 255);
    const i2 = 1280 + ((a >>> 16) & 255);
    const i3 = 1024 + (a >>> 24);
    const i4 = 768 + (b & 255);
    const i5 = 512 + ((b >>> 8) & 255);
    const i6 = 256 + ((b >>> 16) & 255);
    const i7 = b >>> 24;
    lo = low[i0]! ^ low[i1]! ^ low[i2]! ^ low[i3]! ^ low[i4]! ^ low[i5]! ^ low[i6]! ^ low[i7]!;
    hi = high[i0]! ^ high[i1]! ^ high[i2]! ^ high[i3]! ^ high[i4]! ^ high[i5]! ^ high[i6]! ^ high[i7]!;
  }
  register[0] = hi;
  register[1] = lo;
}

function oneByOne(data: Uint8Array, start: number, register: Half): void {
  let [hi, lo] = register;
  for (let i = start; i < data.length; i++) {
    const index = (lo ^ data[i]!) & 255;
    lo = low[index]! ^ ((lo >>> 8) | (hi << 24));
    hi = high[index]! ^ (hi >>> 8);
  }
  register[0] = hi;
  register[1] = lo;
}

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let value: Half = [0, byte];
    for (let bit = 0; bit < 8; bit++) value = timesX(value);
    for (let row = 0; row < 8; row++) {
      high[row * 256 + byte] = value[0];
      low[row * 256 + byte] = value[1];
      for (let bit = 0; bit < 8; bit++) value = timesX(value);
    }
  }
  filled = true;
}

/**
 * Multiplies by x. The bits are reflected, so x^0 is the highest bit and the multiplication is a shift to the right.
 */
function timesX([hi, lo]: Half): Half {
  const odd = -(lo & 1);
  return [(hi >>> 1) ^ (odd & POLY_HI), ((lo >>> 1) | (hi << 31)) ^ (odd & POLY_LO)];
}

function multiply([aHi, aLo]: Half, b: Half): Half {
  let hi = 0;
  let lo = 0;
  let power = b;
  for (let bit = 63; bit >= 0; bit--) {
    const taken = -(((bit < 32 ? aLo >>> bit : aHi >>> (bit - 32)) & 1) as number);
    hi ^= taken & power[0];
    lo ^= taken & power[1];
    power = timesX(power);
  }
  return [hi, lo];
}

// The powers x^(8 * 2^k). Each one is the square of the one before, and is computed when it is first needed.
const powers: Half[] = [];

/** Returns value * x^(8n), which is the register after n zero bytes. */
function times8nX(value: Half, n: number): Half {
  if (powers.length === 0) powers.push([1 << 23, 0]);
  let result = value;
  for (let k = 0, rest = n; rest > 0; k++, rest = Math.floor(rest / 2)) {
    if (k > 0 && powers.length === k) powers.push(multiply(powers[k - 1]!, powers[k - 1]!));
    if (rest % 2 === 1) result = multiply(result, powers[k]!);
  }
  return result;
}

function fromBigInt(value: bigint): Half {
  return [highOf(value), lowOf(value)];
}

function highOf(value: bigint): number {
  return Number((value >> 32n) & MASK) | 0;
}

function lowOf(value: bigint): number {
  return Number(value & MASK) | 0;
}

function toBigInt([hi, lo]: Half): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}
