/** CRC-64/XZ against its check value and against a reference that works bit by bit. */
import { crc64, crc64Combine } from '../../../src/index.ts';
import { bytesFrom, equal } from '../check.ts';
import type { Case } from '../context.ts';

const MIB = 1024 * 1024;

export const crcCases: readonly Case[] = [
  {
    name: 'crc: the check value, an empty input and a continuation give the known CRCs',
    run: () => {
      const bytes = new TextEncoder().encode('123456789');
      equal(crc64(bytes), 0x995dc9bbdf1939fan, 'of 123456789');
      equal(crc64(new Uint8Array(0)), 0n, 'of nothing');
      equal(crc64(bytes.subarray(4), crc64(bytes.subarray(0, 4))), 0x995dc9bbdf1939fan, 'in two pieces');
    },
  },
  {
    name: 'crc: every length up to 70 bytes at every alignment agrees with the reference',
    run: () => {
      const bytes = bytesFrom(1, 80);
      for (let length = 0; length <= 70; length++) {
        const view = bytes.subarray(length % 9, (length % 9) + length);
        equal(crc64(view), reference(view), `${length} bytes`);
      }
    },
  },
  {
    name: 'crc: 40,001 bytes agree with the reference',
    run: () => {
      const bytes = bytesFrom(2, 40_004);
      equal(crc64(bytes.subarray(3)), reference(bytes.subarray(3)), '40,001 bytes');
      equal(crc64(new DataView(bytes.buffer, 3)), crc64(bytes.subarray(3)), 'as a DataView');
      equal(crc64(bytes.slice(3).buffer), crc64(bytes.subarray(3)), 'as an ArrayBuffer');
    },
  },
  {
    name: 'crc: 1 MiB has the same CRC in pieces of any size, and combined',
    run: () => {
      const bytes = bytesFrom(3, MIB);
      const whole = crc64(bytes);
      for (const size of [4093, 65_536, 300_007]) {
        let continued = 0n;
        let combined = 0n;
        for (let at = 0; at < MIB; at += size) {
          const piece = bytes.subarray(at, at + size);
          continued = crc64(piece, continued);
          combined = crc64Combine(combined, crc64(piece), piece.byteLength);
        }
        equal([continued, combined], [whole, whole], `pieces of ${size}`);
      }
    },
  },
];

/**
 * The reference: it takes one bit at a time, with the reflected polynomial of ECMA-182 and all bits inverted at both
 * ends.
 */
function reference(bytes: Uint8Array): bigint {
  let [low, high] = [0xffffffff, 0xffffffff];
  for (const byte of bytes) {
    low ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (odd) [low, high] = [low ^ 0xd7870f42, high ^ 0xc96c5795];
    }
  }
  return (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0);
}
