/** A contestant as a program for Deno, Bun and Node. It prints its address when it listens. */
import { contextOf, serve } from '../../../src/testing/node/http.ts';
import { type Handler, handlerFrom } from './handlers.ts';

type Answer = (request: Request) => Promise<Response>;

/** The parts of Deno and Bun that this file uses. */
interface Platforms {
  readonly Deno?: { serve(options: object, answer: Answer): { readonly addr: { readonly port: number } } };
  readonly Bun?: { serve(options: object): { readonly port: number } };
}

const hostname = '127.0.0.1';

async function start(handler: Handler): Promise<number> {
  const { Deno, Bun } = globalThis as unknown as Platforms;
  const fetch: Answer = (request) => handler(request);
  if (Bun) return Bun.serve({ hostname, port: 0, maxRequestBodySize: 5 * 1024 ** 3, idleTimeout: 0, fetch }).port;
  if (Deno) return Deno.serve({ hostname, port: 0, onListen: () => {} }, fetch).addr.port;
  const { url } = await serve((request) => handler(request, contextOf(request)));
  return Number(new URL(url).port);
}

console.log(`Listening on http://${hostname}:${await start(handlerFrom(process.env))}`);
