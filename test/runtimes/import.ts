/**
 * Imports a module and watches the global functions during the import. An import of the library must have no side
 * effects in a page, in server-side rendering, and in a Worker.
 */
import { describe } from './check.ts';
import type { Result } from './context.ts';

const NAME = 'importing the library starts nothing and touches no global';
/** Functions that a module with side effects would call. `eval` is not in the list: a policy or a flag forbids it. */
const WATCHED = ['setTimeout', 'setInterval', 'fetch', 'AbortController', 'addEventListener', 'XMLHttpRequest'];

/** Imports a module. The result is "failed" when the import had side effects. */
export async function importQuietly(load: () => Promise<unknown>): Promise<Result> {
  // Node creates some globals when they are read for the first time, and the two below at their first use.
  globals();
  for (const name of ['WritableStream', 'TextEncoder']) Reflect.get(globalThis, name);
  const calls: string[] = [];
  const restore = WATCHED.map((name) => watchCalls(globalThis, name, calls));
  restore.push(watchCalls(Math, 'random', calls), watchCalls(Date, 'now', calls));
  restore.push(watchCalls(globalThis.crypto, 'getRandomValues', calls));
  const before = globals();
  try {
    await load();
    const changed = [...globals()].filter(([name, value]) => !Object.is(before.get(name), value)).map(([name]) => name);
    const reason = [...calls, ...changed.map((name) => `set ${String(name)}`)].join(', ');
    return reason ? { name: NAME, status: 'failed', reason } : { name: NAME, status: 'passed' };
  } catch (error) {
    return { name: NAME, status: 'failed', reason: describe(error) };
  } finally {
    for (const undo of restore) undo();
  }
}

function watchCalls(owner: object, name: string, calls: string[]): () => void {
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== 'function') return () => {};
  const own = Object.getOwnPropertyDescriptor(owner, name);
  const record = () => {
    if (isOurs(new Error().stack ?? '')) calls.push(`called ${name}`);
  };
  const value = new Proxy(original, {
    apply: (target, _, given) => {
      record();
      return Reflect.apply(target, owner, given);
    },
    construct: (target, given) => {
      record();
      return Reflect.construct(target, given) as object;
    },
  });
  Object.defineProperty(owner, name, { value, writable: true, configurable: true });
  return () => {
    if (own) Object.defineProperty(owner, name, own);
    else Reflect.deleteProperty(owner, name);
  };
}

/**
 * Returns true when our code made the call. The driver of a browser can also run code in the page at any time. Our code
 * is in bundles that end in .mjs, and two of these frames belong to this file.
 */
function isOurs(stack: string): boolean {
  const frames = stack.split('\n').filter((line) => line.includes('.mjs') && !line.includes('.sys.mjs'));
  return frames.length > 2;
}

/** Returns the global properties by name. It does not call accessors, because some of them print a warning. */
function globals(): Map<PropertyKey, unknown> {
  const names = Reflect.ownKeys(globalThis);
  // Playwright can add its own properties to a page at any time.
  const own = names.filter((name) => !String(name).startsWith('__pw'));
  return new Map(own.map((name) => [name, identityOf(Object.getOwnPropertyDescriptor(globalThis, name))]));
}

function identityOf(descriptor: PropertyDescriptor | undefined): unknown {
  return descriptor?.get ?? descriptor?.value;
}
