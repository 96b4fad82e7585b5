/** Checks the arguments of callers. A mistake throws before any request is sent. */

/** @throws TypeError unless the condition holds. */
export function checkType(holds: unknown, problem: string): void {
  if (!holds) throw new TypeError(problem);
}

/**
 * @throws RangeError with the name of the option and its value, unless the condition holds. TypeError if the value is
 *   not a number.
 */
export function checkRange(holds: unknown, name: string, wanted: string, value: unknown): void {
  const isNumber = typeof value === 'number';
  if (holds && isNumber) return;
  // For another type only its name is shown, because the text "5" would look like the number 5.
  throw new (isNumber ? RangeError : TypeError)(`${name} must be ${wanted}, not ${isNumber ? value : typeof value}`);
}

/** @throws RangeError unless the value is at least `least`. Infinity is allowed. */
export function checkLeast(name: string, value: number, least = 0, unit = 'ms'): void {
  checkRange(value >= least, name, `${least} ${unit} or more`, value);
}

/** @throws TypeError unless each of these options is true, false or undefined. A text would otherwise count as true. */
export function checkFlags(flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags))
    checkType(value === undefined || typeof value === 'boolean', `${name} must be true or false`);
}

/** @throws TypeError unless the value is a function or undefined. */
export function checkFunction(name: string, value: unknown): void {
  checkType(value === undefined || typeof value === 'function', `${name} must be a function`);
}

/** @throws RangeError unless the value is a whole number from `least` to `most`. */
export function checkWholeNumber(name: string, value: number, least = 0, most: number = Number.MAX_SAFE_INTEGER): void {
  const wanted = `a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : ''}`;
  checkRange(Number.isSafeInteger(value) && value >= least && value <= most, name, wanted, value);
}

/**
 * @throws TypeError unless the value is a text that is not empty.
 * @param example a value for the message
 */
export function checkText(name: string, value: unknown, example: string): void {
  checkType(typeof value === 'string' && value, `${name} must be a string such as "${example}"`);
}

/** @throws TypeError unless the value is an object. */
export function checkObject(name: string, value: unknown): void {
  checkType(typeof value === 'object' && value !== null, `${name} must be an object`);
}

/** @throws TypeError unless the options are an object and its signal, if there is one, is an AbortSignal. */
export function checkCallOptions(options: { readonly signal?: AbortSignal | undefined }): void {
  checkObject('options', options);
  checkSignal(options.signal);
}

/**
 * @throws TypeError unless the value is an AbortSignal or undefined. It is recognised by its shape, so it may come from
 *   another realm.
 */
export function checkSignal(signal: AbortSignal | undefined): void {
  const fits = signal === undefined || typeof signal?.addEventListener === 'function';
  checkType(fits, 'signal must be an AbortSignal');
}
