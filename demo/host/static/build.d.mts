/** Makes the static build from the built page. */
export declare function buildStatic(page?: string, outdir?: string): Promise<void>;
