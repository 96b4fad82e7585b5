/** Reads the numbers in the headers of OSS. */

/** Returns a whole number, such as a length. Returns undefined for any other text. */
export function parseDecimal(text: string | null): number | undefined {
  const number = text && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Returns a CRC-64, which OSS writes as a decimal number. Returns undefined for any other text. */
export function parseCrc(text: string | undefined): bigint | undefined {
  const crc = typeof text === 'string' && /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
  return crc !== undefined && crc < 2n ** 64n ? crc : undefined;
}
