/** `bun bun.ts`: the demo's edge in Bun, settings from the environment. */
import { type EdgeEnvironment, edgeFrom } from './app.ts';
import { json } from './refusal.ts';

/** The part of Bun's server that a request needs. */
interface BunServer {
  readonly url: URL;
  /** How long a connection may last without an answer, s. 0 for any time. */
  timeout(request: Request, seconds: number): void;
}

/** The part of Bun that is used here. */
interface BunLike {
  readonly env: Record<string, string>;
  serve(options: {
    hostname: string;
    port: number;
    development: boolean;
    maxRequestBodySize: number;
    idleTimeout: number;
    fetch(request: Request, server: BunServer): Promise<Response>;
    error(error: unknown): Response;
  }): BunServer;
}

/** How long a connection may be idle, s. */
const IDLE = 120;

const { Bun } = globalThis as unknown as { Bun: BunLike };
const edge = edgeFrom(Bun.env as unknown as EdgeEnvironment);
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(Bun.env['PORT'] ?? 0),
  // Bun's page for developers shows paths and source.
  development: false,
  // Bun refuses bodies above 128 MB, and connections idle for 10 s, unless told otherwise.
  maxRequestBodySize: 5 * 1024 ** 3,
  idleTimeout: IDLE,
  async fetch(request, server) {
    // Bun counts an upload as idle however fast its bytes flow. The edge itself ends a silent sender.
    server.timeout(request, 0);
    const response = await edge(request);
    server.timeout(request, IDLE);
    return response;
  },
  error: () => json({ error: 'InternalError', message: 'Something went wrong here' }, 500),
});
console.log(`Listening on ${server.url}`);
