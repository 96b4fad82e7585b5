// Faults as text, for the command line: `drop-after:every=3,key=inbox/*`.

import { type Fault, type FaultRequest, type FaultSchedule, OPERATIONS } from '../faults.ts';

/** A fault that was read from text. */
export interface FaultRule {
  readonly text: string;
  /** The number of requests that got the fault. */
  readonly used: number;
}

/** How the value of a setting is written: a whole number, a text, a word by itself, or one of these words. */
type Form = 'number' | 'text' | 'flag' | readonly string[];

/** The settings of one kind of fault. A setting is needed if its name ends in "!". */
type Settings = Readonly<Record<string, Form>>;

const WHEN: readonly string[] = ['before', 'after'];

/** The kinds of faults, and their settings. */
export const FAULT_SETTINGS: Readonly<Record<Fault['kind'], Settings>> = {
  'answer-late': { 'delay!': 'number' },
  'cached-head': {},
  'commit-late': { 'delay!': 'number' },
  decoded: { always: 'flag' },
  delete: { when: WHEN },
  deny: {},
  'drop-after': {},
  'drop-before': {},
  'drop-during': {},
  'error-after': { status: ['500', '502', '503'], code: 'text' },
  'error-before': { status: ['500', '502', '503'], code: 'text' },
  'expire-token': {},
  'flip-bit': { at: 'number' },
  gateway: { after: 'flag', status: 'number', body: 'text' },
  'hide-headers': { names: 'text' },
  limit: { 'bytes!': 'number', answer: ['page', 'xml', 'reset'] },
  'no-length': { parts: 'flag' },
  opaque: {},
  portal: {},
  redirect: { 'location!': 'text', status: ['301', '302', '303', '307', '308'] },
  refuse: { 'status!': 'number', 'code!': 'text' },
  repeat: {},
  replace: { when: WHEN, bytes: 'text', type: ['Normal', 'Appendable'] },
  rival: { when: WHEN, bytes: 'text' },
  'skew-clock': { 'by!': 'number' },
  slow: { 'bytesPerSecond!': 'number' },
  'stall-body': {},
  throttle: { delay: 'number', code: 'text' },
};

/** The settings that say which requests get a fault. Every kind has them. */
export const SCHEDULE_SETTINGS: Settings = {
  operation: OPERATIONS,
  bucket: 'text',
  key: 'text',
  from: 'number',
  every: 'number',
  times: 'number',
  chance: 'text',
  seed: 'number',
};

/** Reads faults, and returns the schedule that they make together. @throws {RangeError} says what to write instead. */
export function scheduleOf(texts: readonly string[]): { rules: readonly FaultRule[]; schedule: FaultSchedule } {
  const rules = texts.map((text) => new Rule(text));
  return { rules, schedule: (request) => rules.flatMap((rule) => rule.due(request) ?? []) };
}

type Values = Readonly<Record<string, string | number | boolean>>;

class Rule implements FaultRule {
  readonly text: string;
  used = 0;
  readonly #fault: Fault;
  readonly #schedule: Schedule;
  readonly #random: () => number;
  #matched = 0;

  constructor(text: string) {
    this.text = text;
    const { kind, fault, schedule } = read(text);
    this.#fault = faultOf(kind, fault);
    this.#schedule = checked(text, schedule);
    this.#random = generator(Number(schedule['seed'] ?? 1));
  }

  /** Returns the fault if this request gets it. */
  due(request: FaultRequest): Fault | undefined {
    const { from, every, times, chance } = this.#schedule;
    if (!matches(this.#schedule, request)) return undefined;
    this.#matched++;
    const isTurn = this.#matched >= from && (this.#matched - from + 1) % every === 0;
    if (!isTurn || this.used >= times || this.#random() >= chance) return undefined;
    this.used++;
    return this.#fault;
  }
}

interface Schedule {
  readonly operation: string | undefined;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly from: number;
  readonly every: number;
  readonly times: number;
  readonly chance: number;
}

function checked(text: string, values: Values): Schedule {
  const { from = 1, every = 1, times = Number.POSITIVE_INFINITY, chance = '1' } = values;
  for (const [name, value] of Object.entries({ from, every, times }))
    if (Number(value) < 1) throw new RangeError(`${text}: ${name} must be at least 1`);
  if (!(Number(chance) > 0 && Number(chance) <= 1))
    throw new RangeError(`${text}: chance must be more than 0 and at most 1, such as chance=0.1`);
  if (
    String(values['key'] ?? '')
      .slice(0, -1)
      .includes('*')
  )
    throw new RangeError(`${text}: key may have one * at its end, such as key=inbox/*`);
  const name = (of: string) => (values[of] === undefined ? undefined : String(values[of]));
  const numbers = { from: Number(from), every: Number(every), times: Number(times), chance: Number(chance) };
  return { operation: name('operation'), bucket: name('bucket'), key: name('key'), ...numbers };
}

/** A preflight gets a fault only if the fault names it, because a page sees a failed preflight as another failure. */
function matches({ operation, bucket, key }: Schedule, request: FaultRequest): boolean {
  if (operation === undefined ? request.operation === 'OptionObject' : operation !== request.operation) return false;
  return (bucket ?? request.bucket) === request.bucket && (key === undefined || isLike(key, request.key));
}

/** Compares a key with a pattern in which one `*` at the end stands for any rest. */
function isLike(pattern: string, key: string): boolean {
  return pattern.endsWith('*') ? key.startsWith(pattern.slice(0, -1)) : key === pattern;
}

function read(text: string): { kind: Fault['kind']; fault: Values; schedule: Values } {
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  if (!isKind(kind)) {
    throw new RangeError(`There is no fault "${kind}". The faults are ${Object.keys(FAULT_SETTINGS).join(', ')}`);
  }
  const own = FAULT_SETTINGS[kind];
  const found: [name: string, value: string | number | boolean][] = [];
  for (const part of colon < 0 ? [] : text.slice(colon + 1).split(',')) found.push(setting(text, part, own));
  const isOwn = ([name]: readonly [string, unknown]) => formOf(own, name) !== undefined;
  const missing = Object.keys(own).find((name) => name.endsWith('!') && !found.some(([one]) => `${one}!` === name));
  if (missing) throw new RangeError(`${text}: write ${kind}:${missing.slice(0, -1)}=…`);
  const fault = Object.fromEntries(found.filter(isOwn));
  return { kind, fault, schedule: Object.fromEntries(found.filter((one) => !isOwn(one))) };
}

function isKind(kind: string): kind is Fault['kind'] {
  return Object.hasOwn(FAULT_SETTINGS, kind);
}

function formOf(settings: Settings, name: string): Form | undefined {
  const found = [name, `${name}!`].find((one) => Object.hasOwn(settings, one));
  return found === undefined ? undefined : settings[found];
}

function setting(text: string, part: string, own: Settings): [name: string, value: string | number | boolean] {
  const equals = part.indexOf('=');
  const name = equals < 0 ? part : part.slice(0, equals);
  const value = equals < 0 ? undefined : part.slice(equals + 1);
  const form = formOf(own, name) ?? formOf(SCHEDULE_SETTINGS, name);
  if (form === undefined) {
    const known = [...Object.keys(own), ...Object.keys(SCHEDULE_SETTINGS)].map((one) => one.replace('!', ''));
    throw new RangeError(`${text}: there is no setting "${name}". The settings are ${known.join(', ')}`);
  }
  return [name, readValue(`${text}: ${name}`, form, value)];
}

function readValue(what: string, form: Form, value: string | undefined): string | number | boolean {
  if (form === 'flag') {
    if (value === undefined) return true;
    throw new RangeError(`${what} takes no value`);
  }
  if (value === undefined || value === '')
    throw new RangeError(`${what} needs a value, such as ${what.slice(what.lastIndexOf(' ') + 1)}=${example(form)}`);
  if (form === 'text') return value;
  if (form !== 'number') {
    if (!form.includes(value)) throw new RangeError(`${what} must be one of ${form.join(', ')}, found "${value}"`);
    return /^\d+$/.test(value) ? Number(value) : value;
  }
  const whole = what.endsWith(': by') ? /^-?\d{1,15}$/ : /^\d{1,15}$/;
  if (!whole.test(value)) throw new RangeError(`${what} must be a whole number, found "${value}"`);
  const [least, most] = LIMITS[what.slice(what.lastIndexOf(' ') + 1)] ?? [];
  if (least !== undefined && most !== undefined && (Number(value) < least || Number(value) > most))
    throw new RangeError(`${what} must be from ${least} to ${most}, found "${value}"`);
  return Number(value);
}

/**
 * A Response accepts only these statuses, and a timer accepts a delay of at most about 25 days.
 */
const LIMITS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  status: [200, 599],
  delay: [0, 2 ** 31 - 1],
  bytesPerSecond: [1, 1e15],
};

function example(form: Form): string {
  if (form === 'number') return '3';
  return typeof form === 'string' ? 'text' : form[0]!;
}

function faultOf(kind: Fault['kind'], { names, bytes, ...values }: Values): Fault {
  const more: Record<string, unknown> = {};
  if (kind === 'rival' || kind === 'replace') more['when'] = kind === 'rival' ? 'before' : 'after';
  if (kind === 'delete') more['when'] = 'after';
  if (names !== undefined) more['names'] = String(names).split('+');
  if (bytes !== undefined) more['bytes'] = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  if (kind === 'rival' && bytes === undefined) more['same'] = true;
  // The table above says which settings a kind has, and of which form. A test gives every kind and setting to LocalOss.
  return { kind, ...more, ...values } as Fault;
}

/** Returns a seeded generator of numbers from 0 to 1 (mulberry32), so that a run can be repeated. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
