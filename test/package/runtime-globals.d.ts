/** The globals of Deno, Bun and Nuxt that the examples in docs use. */
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
declare function defineEventHandler<T>(handler: (event: { readonly path: string }) => T): unknown;
