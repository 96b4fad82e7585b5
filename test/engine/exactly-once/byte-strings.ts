/** Comparisons of byte strings. */

export function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

export function includes(whole: Uint8Array, part: Uint8Array): boolean {
  for (let start = 0; start + part.length <= whole.length; start++)
    if (same(whole.subarray(start, start + part.length), part)) return true;
  return false;
}

/** Returns the length of the beginning that both have in common. */
export function commonLength(a: Uint8Array, b: Uint8Array, alike: typeof same): number {
  let length = Math.min(a.length, b.length);
  while (!alike(a.subarray(0, length), b.subarray(0, length))) length--;
  return length;
}

export function sameButForABit(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((value, index) => value >> 1 === b[index]! >> 1);
}

export function isSubsequence(part: Uint8Array, whole: Uint8Array): boolean {
  let found = 0;
  for (const value of whole) if (value === part[found]) found++;
  return found >= part.length;
}
