/** The assertions of the suite. It has no test framework, because it must run on every runtime. */

/** @throws Error if the condition is false. */
export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Compares two values of plain data by their printed form. */
export function equal(actual: unknown, expected: unknown, what: string): void {
  const [is, wanted] = [print(actual), print(expected)];
  if (is !== wanted) throw new Error(`${what}: expected ${wanted}, got ${is}`);
}

/** Prints a value as JSON. The names of an object are sorted, because their order does not matter. */
function print(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    if (part === undefined) return '(undefined)';
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** @throws Error at the first byte that differs. */
export function sameBytes(actual: Uint8Array | undefined, expected: Uint8Array, what: string): void {
  if (actual?.byteLength !== expected.byteLength) {
    throw new Error(`${what}: expected ${expected.byteLength} bytes, got ${actual?.byteLength}`);
  }
  for (let at = 0; at < expected.byteLength; at++)
    if (actual[at] !== expected[at]) throw new Error(`${what}: byte ${at} is ${actual[at]}, not ${expected[at]}`);
}

/** Waits until a promise rejects, and returns the error. The error must be an instance of the given class. */
export async function rejects<T>(
  promise: Promise<unknown>,
  type: abstract new (...args: never[]) => T,
  what: string,
): Promise<T> {
  const error: unknown = await promise.then(
    (value) => {
      throw new Error(`${what}: expected ${type.name}, but it resolved to ${print(value)}`);
    },
    (reason: unknown) => reason,
  );
  if (error instanceof type) return error;
  throw new Error(`${what}: expected ${type.name}, got ${describe(error)}`);
}

/** Returns the name and the message of an error and of all its causes. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `${typeof error} ${String(error)}`;
  const { name, message, cause } = error;
  return `${name}: ${message}${cause === undefined ? '' : ` [cause: ${describe(cause)}]`}`;
}

/** Returns pseudo-random bytes. The same seed gives the same bytes. */
export function bytesFrom(seed: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state;
  }
  return bytes;
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
