/** `deno run --allow-net --allow-env deno.ts`: the demo's edge in Deno, settings from the environment. */
import { type EdgeEnvironment, edgeFrom } from './app.ts';

/** The part of Deno that is used here. */
interface DenoLike {
  readonly env: { toObject(): Record<string, string> };
  serve(options: { hostname: string; port: number }, handler: (request: Request) => Promise<Response>): unknown;
}

const { env, serve } = (globalThis as unknown as { Deno: DenoLike }).Deno;
const settings = env.toObject();
const edge = edgeFrom(settings as unknown as EdgeEnvironment);
// Prints its address when it listens. The second argument of Deno's handlers is no Worker's context.
serve({ hostname: '127.0.0.1', port: Number(settings['PORT'] ?? 0) }, (request) => edge(request));
