// For the tests, which are TypeScript. See size.mjs.

/** What is measured: a program that uses a part of the library, and its budget, bytes after gzip. */
export const BUNDLES: Readonly<Record<string, { readonly budget: number; readonly code: string }>>;

/** Bundles a program: its minified text, and the modules that have code in it. */
export function bundle(code: string): Promise<{ readonly text: string; readonly modules: readonly string[] }>;

/** Bytes of a program. */
export function measure(
  code: string,
): Promise<{ readonly min: number; readonly gzip: number; readonly brotli: number }>;
