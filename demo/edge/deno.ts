/** `deno run --allow-net --allow-env deno.ts` runs the edge of the demo in Deno, with settings from the environment. */
import { type EdgeEnvironment, edgeFrom } from './app.ts';
import { lengthsInMemory } from './lengths.ts';

/** The part of Deno that this file uses. */
interface DenoLike {
  readonly env: { toObject(): Record<string, string> };
  serve(options: { hostname: string; port: number }, handler: (request: Request) => Promise<Response>): unknown;
}

const { env, serve } = (globalThis as unknown as { Deno: DenoLike }).Deno;
const settings = env.toObject();
const edge = edgeFrom(settings as unknown as EdgeEnvironment, { keepLength: lengthsInMemory() });
// Deno prints the address when the server listens. The edge must not get the second argument of Deno's handlers,
// because it is not the context of a Worker.
serve({ hostname: '127.0.0.1', port: Number(settings['PORT'] ?? 0) }, (request) => edge(request));
