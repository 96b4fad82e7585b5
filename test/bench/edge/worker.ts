/** A contestant as a Worker. It makes its handler again for each request, as a Worker must. */
import type { EdgeContext } from '../../../src/edge/index.ts';
import { type ContestantEnvironment, handlerFrom } from './handlers.ts';

export default {
  fetch: (request: Request, env: ContestantEnvironment, context: EdgeContext): Promise<Response> =>
    handlerFrom(env)(request, context),
};
