/** The suite in a Worker. A client and an object are made at module scope, where no timer, no random value and no I/O is allowed. */
import { AppendableObject, OssClient, refreshingCredentials } from '../../../src/index.ts';
import { runSuite, type SuiteOptions, sayBroken } from '../suite.ts';
import { credentials, ossUrl, region } from './workerd-config.mjs';

const early = new OssClient({ region, bucket: 'open-bucket', endpoint: ossUrl, credentials });
// These two are made only to test the module scope. A request makes its own objects.
new AppendableObject(early, 'never-used');
refreshingCredentials(() => credentials);

export default {
  async fetch(request: Request): Promise<Response> {
    const options: SuiteOptions = await request.json();
    await runSuite({ ...options, early }).catch((error: unknown) => sayBroken(options, error));
    return new Response(null, { status: 204 });
  },
};
