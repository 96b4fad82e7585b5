// Computes MD5 (RFC 1321) piece by piece, for Content-MD5 and for the ETag of a normal object. Web Crypto has no MD5.

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const sines: Int32Array = /* @__PURE__ */ new Int32Array(64);

/** An MD5 computation. Call `update` any number of times, and then `digest` once. */
export class Md5 {
  readonly #state: Int32Array = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  readonly #block: Uint8Array = new Uint8Array(64);
  #length = 0;

  update(data: Uint8Array): this {
    if (sines[0] === 0) fillSines();
    for (let at = 0; at < data.length; ) {
      const room = 64 - (this.#length % 64);
      const piece = data.subarray(at, at + room);
      this.#block.set(piece, 64 - room);
      this.#length += piece.length;
      at += piece.length;
      if (piece.length === room) compress(this.#state, this.#block);
    }
    return this;
  }

  /** Ends the computation and returns the 16 bytes of the digest. */
  digest(): Uint8Array<ArrayBuffer> {
    const bits = this.#length * 8;
    const padding = new Uint8Array(((119 - (this.#length % 64)) % 64) + 9);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, bits >>> 0, true);
    view.setUint32(padding.length - 4, Math.floor(bits / 2 ** 32), true);
    this.update(padding);
    const out = new DataView(new ArrayBuffer(16));
    this.#state.forEach((word, i) => {
      out.setInt32(i * 4, word, true);
    });
    return new Uint8Array(out.buffer);
  }
}

function fillSines(): void {
  for (let i = 0; i < 64; i++) sines[i] = Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32);
}

function compress(state: Int32Array, block: Uint8Array): void {
  const words = new DataView(block.buffer, block.byteOffset, 64);
  let [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const sum = (a + mix(round, b, c, d) + sines[i]! + words.getInt32(wordOf(round, i) * 4, true)) | 0;
    const turn = SHIFTS[round * 4 + (i & 3)]!;
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

function mix(round: number, b: number, c: number, d: number): number {
  if (round === 0) return (b & c) | (~b & d);
  if (round === 1) return (d & b) | (~d & c);
  return round === 2 ? b ^ c ^ d : c ^ (b | ~d);
}

function wordOf(round: number, i: number): number {
  if (round === 0) return i;
  if (round === 1) return (5 * i + 1) & 15;
  return round === 2 ? (3 * i + 5) & 15 : (7 * i) & 15;
}
