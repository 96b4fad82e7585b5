// For the tests, which are TypeScript. See chromium.mjs.

/** Finds a Chromium (or Chrome, or Edge): its path, or undefined. Throws where an environment variable names no program. */
export function findChromium(): Promise<string | undefined>;
