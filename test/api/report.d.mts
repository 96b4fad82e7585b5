// For the tests, which are TypeScript. See report.mjs.

/** The committed report. */
export const FILE: string;

/** The report: each entry's names, then every declaration that they lead to, by name. */
export function report(): string;
