/** The edge of the demo below the path /files of a Hono app. Deploy it with `"main": "hono.ts"` in wrangler.jsonc. */
import { Hono } from 'hono';
import type { EdgeContext } from '../../src/edge/index.ts';
import { type EdgeEnvironment, edgeFrom } from '../edge/app.ts';

const app = new Hono<{ Bindings: EdgeEnvironment }>();
app.get('/', (context) => context.text('The edge is at /files'));
// Hono takes /files from the path. The Location of an upload is relative, so it is right below every path.
app.mount('/files', (request: Request, env: EdgeEnvironment, context?: EdgeContext) => edgeFrom(env)(request, context));

export default app;
