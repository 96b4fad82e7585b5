/** The demo's edge as a Cloudflare Worker. */
import { type EdgeEnvironment, edgeFrom } from '../edge/app.ts';
import type { EdgeContext } from '../edge/handlers.ts';

export default {
  /** Everything is made for this one request: a Worker may not await a promise of another one. */
  fetch(request: Request, env: EdgeEnvironment, context: EdgeContext): Promise<Response> {
    return edgeFrom(env)(request, context);
  },
};
