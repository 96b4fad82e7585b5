// The tools that `main.ts` hands to each part of the benchmark.
import type { Peers } from './peers.ts';

export interface Bench {
  readonly rounds: number;
  readonly peers: Peers;
  /** Imports a bundled file again as a fresh module, which shares no state with an earlier import. */
  importFresh<T>(file: string): Promise<T>;
  /** Bundles and minifies a program in the same way as the bundler of an application. */
  bundle(code: string): Promise<string>;
  /** Prints a progress message for the person who runs the benchmark. */
  say(text: string): void;
}
