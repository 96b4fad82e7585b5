/** `deno run --allow-net --allow-env deno.ts`: the demo's edge in Deno, settings from the environment. */
import { type EdgeEnvironment, edgeFrom } from './app.ts';

/** The part of Deno that is used here. */
interface DenoLike {
  readonly env: { toObject(): Record<string, string> };
  serve(options: { hostname: string; port: number }, handler: (request: Request) => Promise<Response>): unknown;
}

const { env, serve } = (globalThis as unknown as { Deno: DenoLike }).Deno;
const settings = env.toObject();
// Prints its address when it listens.
serve({ hostname: '127.0.0.1', port: Number(settings['PORT'] ?? 0) }, edgeFrom(settings as unknown as EdgeEnvironment));
