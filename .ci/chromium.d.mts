// The types of chromium.mjs for the tests, which are written in TypeScript.

/**
 * Returns the path of Chromium, Chrome or Edge, or undefined when none is installed.
 *
 * @throws Error if an environment variable contains a path without a program.
 */
export function findChromium(): Promise<string | undefined>;
