// What a part of the benchmark is given.
import type { Peers } from './peers.ts';

export interface Bench {
  readonly rounds: number;
  readonly peers: Peers;
  /** Imports a bundled file anew: nothing of an earlier import is there. */
  importFresh<T>(file: string): Promise<T>;
  /** Bundles and minifies a program as an application's bundler does. */
  bundle(code: string): Promise<string>;
  /** Tells people that something is under way. */
  say(text: string): void;
}
