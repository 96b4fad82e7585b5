// The types of size.mjs for the tests, which are written in TypeScript.

/** The measured programs by name. Each one uses a part of the library and has a budget in bytes after gzip. */
export const BUNDLES: Readonly<
  Record<string, { readonly budget: number; readonly code: string; readonly over?: string }>
>;

/** Bundles a program. Returns the minified text and the paths of the modules whose code is in it. */
export function bundle(code: string): Promise<{ readonly text: string; readonly modules: readonly string[] }>;

/** Bundles a program and returns its size in bytes. */
export function measure(
  code: string,
): Promise<{ readonly min: number; readonly gzip: number; readonly brotli: number }>;
