/** The globals of Deno and Bun that the examples in docs use. */
declare const Deno: {
  readonly env: { toObject(): Record<string, string> };
  serve(handler: (request: Request) => Response | Promise<Response>): unknown;
};
declare const Bun: {
  readonly env: Record<string, string | undefined>;
  serve(options: {
    maxRequestBodySize: number;
    fetch(request: Request, server: { timeout(request: Request, seconds: number): void }): Promise<Response>;
  }): unknown;
};
