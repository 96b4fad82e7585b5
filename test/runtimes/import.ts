/** Imports a module under watch: nothing may happen at import, in a page, on a server that renders, in a Worker. */
import { describe } from './check.ts';
import type { Result } from './context.ts';

const NAME = 'importing the library starts nothing and touches no global';
/** What a module with effects would call. `eval` is refused where the suite runs: by a policy, or a flag of Node. */
const WATCHED = ['setTimeout', 'setInterval', 'fetch', 'AbortController', 'addEventListener', 'XMLHttpRequest'];

/** Says whether the import had effects. */
export async function importQuietly(load: () => Promise<unknown>): Promise<Result> {
  // Node makes some of its globals when they are first looked at, and these when they are first used.
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

/** A driver of browsers runs code in a page at any time. Ours is in bundles that end in .mjs; two frames are of this file. */
function isOurs(stack: string): boolean {
  const frames = stack.split('\n').filter((line) => line.includes('.mjs') && !line.includes('.sys.mjs'));
  return frames.length > 2;
}

/** Own properties by name; of accessors, which may warn when they are read, the descriptor's function. */
function globals(): Map<PropertyKey, unknown> {
  const names = Reflect.ownKeys(globalThis);
  // Playwright adds its own to a page at any time.
  const own = names.filter((name) => !String(name).startsWith('__pw'));
  return new Map(own.map((name) => [name, identityOf(Object.getOwnPropertyDescriptor(globalThis, name))]));
}

function identityOf(descriptor: PropertyDescriptor | undefined): unknown {
  return descriptor?.get ?? descriptor?.value;
}
