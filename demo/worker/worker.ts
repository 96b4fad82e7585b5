/** The edge of the demo as a Cloudflare Worker. */

import type { EdgeContext } from '../../src/edge/index.ts';
import { type EdgeEnvironment, edgeFrom } from '../edge/app.ts';

export default {
  /** Creates all objects again for each request, because a Worker must not await a promise of another request. */
  fetch(request: Request, env: EdgeEnvironment, context: EdgeContext): Promise<Response> {
    return edgeFrom(env)(request, context);
  },
};
