/**
 * The faults and the counters of the demo, by key. The page switches faults on for a scope, which is the beginning of
 * some keys. LocalOss asks for the faults of each request, so this file also counts the requests.
 */
import type { Fault, FaultRequest, FaultSchedule, Operation } from '../../src/testing/index.ts';
import {
  FAULT_NAMES,
  type FaultName,
  LATE,
  type ScopedFaults,
  type ScopedStats,
  SLOW_RATE,
  THROTTLE_DELAY,
} from './contract.ts';

/** What a fault does, and to which requests. */
interface Rule {
  readonly fault: Fault;
  readonly operations: readonly Operation[];
  /** True if the fault happens to every request. By default it happens to every second one, so that a retry succeeds. */
  readonly always?: boolean;
  /** True if the fault happens only to requests with an STS token. */
  readonly tokens?: boolean;
}

const APPEND: readonly Operation[] = ['AppendObject'];
const ALL: readonly Operation[] = ['AppendObject', 'SealAppendObject', 'HeadObject', 'GetObjectMeta', 'GetObject'];
const TWENTY_MINUTES = 20 * 60_000;

const RULES: Readonly<Record<FaultName, Rule>> = {
  'lose-answers': { fault: { kind: 'drop-after' }, operations: APPEND },
  'drop-connections': { fault: { kind: 'drop-during' }, operations: APPEND },
  'answer-late': { fault: { kind: 'answer-late', delay: LATE }, operations: APPEND },
  'expire-token': { fault: { kind: 'expire-token' }, operations: APPEND, tokens: true },
  // The clock is behind, because a clock ahead would be after the end of the token.
  'skew-clock': { fault: { kind: 'skew-clock', by: -TWENTY_MINUTES }, operations: ALL, always: true, tokens: true },
  'flip-bit': { fault: { kind: 'flip-bit' }, operations: APPEND },
  throttle: { fault: { kind: 'throttle', delay: THROTTLE_DELAY }, operations: APPEND },
  slow: { fault: { kind: 'slow', bytesPerSecond: SLOW_RATE }, operations: ALL, always: true },
  portal: { fault: { kind: 'portal' }, operations: ALL },
};

/** The active faults of a scope. */
interface Scope {
  readonly active: readonly FaultName[];
  /** How many requests each active fault has met, by fault, operation and key. */
  readonly met: Map<string, number>;
}

/** The numbers of `ScopedStats`. */
const NUMBERS = ['requests', 'preflights', 'appends', 'heads', 'gets'] as const;

type Counts = Record<(typeof NUMBERS)[number], number> & { readonly faults: Partial<Record<FaultName, number>> };

const COUNTED: Readonly<Partial<Record<Operation, (typeof NUMBERS)[number]>>> = {
  OptionObject: 'preflights',
  AppendObject: 'appends',
  HeadObject: 'heads',
  GetObjectMeta: 'heads',
  GetObject: 'gets',
};

/** The greatest number of scopes and of keys that are remembered. The oldest ones are forgotten first. */
const MOST = 10_000;

/** The state of a {@link FaultDesk} as plain data, so that a Service Worker can store it. */
export interface DeskState {
  readonly scopes: readonly (readonly [scope: string, active: readonly FaultName[]])[];
  readonly counts: readonly (readonly [key: string, counts: Readonly<Counts>])[];
}

/** Holds the faults of each scope, and counts the requests of each key. */
export class FaultDesk {
  readonly #scopes: Map<string, Scope> = new Map();
  readonly #counts: Map<string, Counts> = new Map();
  #withToken = false;

  /** The option `faults` of LocalOss. */
  readonly faults: FaultSchedule = (request) => this.#plan(request);

  /** Returns what the desk knows, for {@link restore}. */
  get state(): DeskState {
    return { scopes: [...this.#scopes].map(([name, { active }]) => [name, active]), counts: [...this.#counts] };
  }

  /** Takes over what another desk knew. */
  restore({ scopes, counts }: DeskState): void {
    for (const [scope, active] of scopes) this.set({ scope, active });
    for (const [key, { faults, ...numbers }] of counts) this.#counts.set(key, { ...numbers, faults: { ...faults } });
  }

  /**
   * Calls LocalOss for one request. LocalOss asks for the faults before its `fetch` returns the promise, so the desk
   * can tell it whether this request has an STS token.
   */
  during<T>({ withToken }: { readonly withToken: boolean }, call: () => T): T {
    this.#withToken = withToken;
    try {
      return call();
    } finally {
      this.#withToken = false;
    }
  }

  /** Replaces the active faults of a scope. Each fault then begins with the next request. */
  set({ scope, active }: ScopedFaults): void {
    this.#scopes.delete(scope);
    if (active.length > 0) this.#scopes.set(scope, { active: [...new Set(active)], met: new Map() });
    forgetOldest(this.#scopes);
  }

  /** Returns the active faults of a scope. */
  active(scope: string): readonly FaultName[] {
    return this.#scopes.get(scope)?.active ?? [];
  }

  /** Returns the sum of the counters of all keys in a scope. */
  stats(scope: string): ScopedStats {
    const sum = noCounts();
    for (const [key, counts] of this.#counts) if (key.startsWith(scope)) add(sum, counts);
    return { scope, ...sum };
  }

  #plan(request: FaultRequest): readonly Fault[] {
    const counts = this.#countsOf(request.key);
    counts.requests++;
    const counted = COUNTED[request.operation];
    if (counted) counts[counted]++;
    const names = this.#due(request);
    for (const name of names) counts.faults[name] = (counts.faults[name] ?? 0) + 1;
    return names.map((name) => RULES[name].fault);
  }

  /** Returns the faults that happen to this request, in the order of `FAULT_NAMES`. */
  #due({ operation, key }: FaultRequest): readonly FaultName[] {
    const due = new Set<FaultName>();
    for (const [scope, { active, met }] of this.#scopes) {
      if (!key.startsWith(scope)) continue;
      for (const name of active)
        if (this.#meets(name, operation) && isTurn(name, met, `${operation} ${key}`)) due.add(name);
    }
    return FAULT_NAMES.filter((name) => due.has(name));
  }

  #meets(name: FaultName, operation: Operation): boolean {
    const { operations, tokens = false } = RULES[name];
    return operations.includes(operation) && (!tokens || this.#withToken);
  }

  #countsOf(key: string): Counts {
    const counts = this.#counts.get(key) ?? noCounts();
    this.#counts.set(key, counts);
    forgetOldest(this.#counts);
    return counts;
  }
}

/** Counts a request that a fault meets, and returns whether the fault happens to this one. */
function isTurn(name: FaultName, met: Map<string, number>, what: string): boolean {
  if (RULES[name].always) return true;
  const id = `${name} ${what}`;
  const before = met.get(id) ?? 0;
  met.set(id, before + 1);
  return before % 2 === 0;
}

function noCounts(): Counts {
  return { requests: 0, preflights: 0, appends: 0, heads: 0, gets: 0, faults: {} };
}

function add(sum: Counts, { faults, ...numbers }: Readonly<Counts>): void {
  for (const name of NUMBERS) sum[name] += numbers[name];
  for (const name of FAULT_NAMES) if (faults[name]) sum.faults[name] = (sum.faults[name] ?? 0) + faults[name];
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const name of map.keys()) {
    if (map.size <= MOST) return;
    map.delete(name);
  }
}
