/** Helpers for the page: they find elements by id, create elements, and format numbers for people. */

export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found) return found;
  throw new Error(`index.html has no #${id}`);
}

/** Sets the text of an element. */
export function text(id: string, value: string): void {
  element(id).textContent = value;
}

/** Creates an element with text. */
export function make(tag: string, value: string, className = ''): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = value;
  made.className = className;
  return made;
}

const whole = new Intl.NumberFormat('en');
const rounded = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** Formats a number with all its digits: `20,971,520`. */
export function exact(value: number): string {
  return whole.format(value);
}

/** Formats a number of bytes in the largest unit of which it has at least one: `20.0 MiB`. */
export function bytes(value: number): string {
  const units = ['KiB', 'MiB', 'GiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), units.length);
  return power === 0 ? `${exact(value)} bytes` : `${rounded.format(value / 1024 ** power)} ${units[power - 1]}`;
}
