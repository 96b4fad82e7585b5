/** `bun bun.ts`: the demo's edge in Bun, settings from the environment. */
import { type EdgeEnvironment, edgeFrom } from './app.ts';

/** The part of Bun that is used here. */
interface BunLike {
  readonly env: Record<string, string>;
  serve(options: {
    hostname: string;
    port: number;
    maxRequestBodySize: number;
    idleTimeout: number;
    fetch(request: Request): Promise<Response>;
  }): { readonly url: URL };
}

const { Bun } = globalThis as unknown as { Bun: BunLike };
const edge = edgeFrom(Bun.env as unknown as EdgeEnvironment);
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(Bun.env['PORT'] ?? 0),
  // Bun refuses bodies above 128 MB, and connections idle for 10 s, unless told otherwise.
  maxRequestBodySize: 5 * 1024 ** 3,
  idleTimeout: 120,
  fetch: (request) => edge(request),
});
console.log(`Listening on ${server.url}`);
