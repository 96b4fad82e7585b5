// The types of start.mjs for the tests, which are written in TypeScript.
import type { LocalOss } from '../../src/testing/index.ts';

/** A running example. */
export interface Example {
  /** The address of the page or server. Empty for the extension. */
  readonly url: string;
  /** The folder of the built extension. */
  readonly folder?: string;
  readonly oss: LocalOss;
  /** What a sender puts into the Authorization header of a server, after `Bearer `. */
  readonly secret: string;
  close(): Promise<void>;
}

export function prepare(): void;
export function startExample(name: string): Promise<Example>;
