export function writeReference(out: string): Promise<void>;
export function readPages(folder: string): Record<string, string>;
export function makePages(): Promise<Record<string, string>>;
