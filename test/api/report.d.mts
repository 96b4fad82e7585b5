// The types of report.mjs for the tests, which are written in TypeScript.

/** The path of the committed report. */
export const FILE: string;

/** Returns the report: the exported names of each entry, and then all their declarations, sorted by name. */
export function report(): string;
