/** The edge of the demo below the path /files of a Hono app. Deploy it with `"main": "hono.ts"` in wrangler.jsonc. */
import { Hono } from 'hono';
import type { EdgeContext } from '../../src/edge/index.ts';
import { edgeFrom } from '../edge/app.ts';
import { keepLengthIn } from './upload-length.ts';
import type { WorkerEnvironment } from './worker.ts';

export { UploadLength } from './upload-length.ts';

const app = new Hono<{ Bindings: WorkerEnvironment }>();
app.get('/', (context) => context.text('The edge is at /files'));
// Hono removes /files from the path, and basePath puts it into the Location of an upload.
app.mount('/files', (request: Request, env: WorkerEnvironment, context?: EdgeContext) =>
  edgeFrom(env, { basePath: '/files', keepLength: keepLengthIn(env.UPLOAD_LENGTHS) })(request, context),
);

export default app;
