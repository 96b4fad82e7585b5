/** `bun bun.ts` runs the edge of the demo in Bun, with settings from the environment. */
import { type EdgeEnvironment, edgeFrom } from './app.ts';
import { lengthsInMemory } from './lengths.ts';

/** The part of Bun's server that a request needs. */
interface BunServer {
  readonly url: URL;
  /** Sets how long a connection may last without an answer, in seconds. 0 means no limit. */
  timeout(request: Request, seconds: number): void;
}

/** The part of Bun that this file uses. */
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

/** How long a connection may be idle, in seconds. */
const IDLE = 120;

const { Bun } = globalThis as unknown as { Bun: BunLike };
const edge = edgeFrom(Bun.env as unknown as EdgeEnvironment, { keepLength: lengthsInMemory() });
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(Bun.env['PORT'] ?? 0),
  // In development mode, Bun's error page shows paths and source code.
  development: false,
  // By default, Bun refuses bodies above 128 MB, and closes connections that are idle for 10 s.
  maxRequestBodySize: 5 * 1024 ** 3,
  idleTimeout: IDLE,
  async fetch(request, server) {
    // Bun counts an upload as idle even while its bytes flow. The edge itself ends a silent sender.
    server.timeout(request, 0);
    const response = await edge(request);
    server.timeout(request, IDLE);
    return response;
  },
  error: () => Response.json({ error: 'InternalError', message: 'Something went wrong here' }, { status: 500 }),
});
console.log(`Listening on ${server.url}`);
