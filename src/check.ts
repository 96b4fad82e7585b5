/** Checks of what callers give. A mistake throws before any request. */

/** @throws TypeError, a caller's mistake, unless this holds. */
export function checkType(holds: unknown, problem: string): void {
  if (!holds) throw new TypeError(problem);
}

/** @throws RangeError that names the option and its value, unless this holds. */
export function checkRange(holds: unknown, name: string, wanted: string, value: unknown): void {
  if (!holds) throw new RangeError(`${name} must be ${wanted}, not ${value}`);
}

/** @throws TypeError for what is neither a function nor left out. */
export function checkFunction(name: string, value: unknown): void {
  checkType(value === undefined || typeof value === 'function', `${name} must be a function`);
}

/** @throws RangeError for what does not count anything. */
export function checkWhole(name: string, value: number, least = 0): void {
  checkRange(Number.isSafeInteger(value) && value >= least, name, `a whole number from ${least}`, value);
}

/** @throws TypeError for what is no object. */
export function checkObject(name: string, value: unknown): void {
  checkType(typeof value === 'object' && value !== null, `${name} must be an object`);
}

/** A header's whole number. */
export function decimal(text: string | null): number | undefined {
  const number = text && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
