/** The edge of the demo as a Cloudflare Worker. */

import type { EdgeContext } from '../../src/edge/index.ts';
import { type EdgeEnvironment, edgeFrom } from '../edge/app.ts';
import { keepLengthIn, type UploadLengths } from './upload-length.ts';

export { UploadLength } from './upload-length.ts';

/** The bindings of the Worker. */
export interface WorkerEnvironment extends EdgeEnvironment {
  readonly UPLOAD_LENGTHS?: UploadLengths;
}

export default {
  /** Creates all objects again for each request, because a Worker must not await a promise of another request. */
  fetch(request: Request, env: WorkerEnvironment, context: EdgeContext): Promise<Response> {
    return edgeFrom(env, { keepLength: keepLengthIn(env.UPLOAD_LENGTHS) })(request, context);
  },
};
