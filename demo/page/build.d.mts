/** Writes the page of the demo into a folder. Default: `build/demo/public`. */
export function buildPage(outdir?: string): Promise<void>;
