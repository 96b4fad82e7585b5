/** Writes numbers for people, in the language that the user has chosen. */
import { language } from '../settings.ts';

const TAGS = { en: 'en-US', zh: 'zh-CN' };

/** Making a formatter takes about as long as writing a hundred numbers, so each one is kept. */
const formatters = new Map<string, Intl.NumberFormat>();

function formatter(options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const name = language.value + JSON.stringify(options);
  const made = formatters.get(name) ?? new Intl.NumberFormat(TAGS[language.value], options);
  formatters.set(name, made);
  return made;
}

/** Writes all digits: `20,971,520`. */
export function exact(value: number): string {
  return formatter().format(value);
}

const UNITS = ['KiB', 'MiB', 'GiB'];

function powerOf(value: number): number {
  return Math.min(Math.floor(Math.log2(Math.max(value, 1)) / 10), UNITS.length);
}

/** As {@link powerOf}, but one more for a value that is rounded up to 1,024 of a unit. */
function powerOfRounded(value: number): number {
  const power = powerOf(value);
  return power > 0 && value / 1024 ** power >= 1023.95 ? powerOf(1024 ** (power + 1)) : power;
}

/** Writes a number of bytes in the largest unit of which there is at least one: `20.0 MiB`. */
export function bytes(value: number): string {
  const power = powerOfRounded(value);
  if (power === 0) return formatter({ style: 'unit', unit: 'byte', unitDisplay: 'long' }).format(value);
  const digits = { maximumFractionDigits: 1, minimumFractionDigits: value % 1024 ** power === 0 ? 0 : 1 };
  return `${formatter(digits).format(value / 1024 ** power)}\u00a0${UNITS[power - 1]}`;
}

/** Writes the marks of an axis in one unit, the unit of the highest mark: `0 MiB`, `0.5 MiB`, `1 MiB`. */
export function bytesOfAxis(values: readonly number[]): string[] {
  const power = powerOf(Math.max(...values));
  if (power === 0) return values.map(bytes);
  const digits = formatter({ maximumFractionDigits: 2 });
  return values.map((value) => `${digits.format(value / 1024 ** power)}\u00a0${UNITS[power - 1]}`);
}

/** Writes the marks of an axis of bytes per second in one unit. */
export function ratesOfAxis(values: readonly number[]): string[] {
  return bytesOfAxis(values).map((text) => `${text}/s`);
}

/** Writes bytes per second. */
export function rate(value: number): string {
  return `${bytes(Math.round(value))}/s`;
}

/** Writes a share of one: `42 %`. It says 100 % only for the whole. */
export function percent(share: number): string {
  const whole = share >= 1 ? 1 : Math.floor(share * 100) / 100;
  return formatter({ style: 'percent' }).format(whole);
}

/** Writes a time: `850 ms`, `4.2 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return unit(Math.round(ms), 'millisecond');
  if (ms < 10_000) return unit(Math.round(ms / 100) / 10, 'second');
  if (ms < 90_000) return unit(Math.round(ms / 1000), 'second');
  return ms < 5_400_000 ? unit(Math.round(ms / 60_000), 'minute') : unit(Math.round(ms / 3_600_000), 'hour');
}

function unit(value: number, name: string): string {
  return formatter({ style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
}

/** Joins names into a list, as the language of the page does: `a, b, and c`. */
export function listOf(names: readonly string[]): string {
  return new Intl.ListFormat(TAGS[language.value], { type: 'conjunction' }).format(names);
}

/** Writes the time of day. */
export function timeOfDay(at: number): string {
  return clocks[language.value].format(at);
}

const clocks = { en: clock(TAGS.en), zh: clock(TAGS.zh) };

function clock(tag: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(tag, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
}
