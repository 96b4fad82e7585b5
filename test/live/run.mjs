// `npm run test:live` tries the library on a real bucket, and prints a report in Markdown. It deletes what it made.
//
//   OSS_LIVE_COSTS_MAY_ARISE=yes    without this variable, nothing is sent
//   OSS_REGION, OSS_BUCKET, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET
//   OSS_SECURITY_TOKEN              if the key is temporary
//   OSS_ROLE_ARN                    a token of this role is used in place of the key (OSS_STS_ENDPOINT: another STS)
//   OSS_ENDPOINT, OSS_CNAME=yes     another endpoint, or a custom domain of the bucket
//   OSS_PREFIX                      all objects are below this prefix and a random one
//
//   npm run test:live -- node chromium   runs the suite in these runtimes only
//   npm run test:live -- --local         runs on a LocalOss of this machine, without any variable
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findBrowsers } from '../../.ci/browsers.mjs';
import { install, root } from '../../.ci/project.mjs';
import { conclude } from '../../.ci/suite.mjs';
import { bundle } from '../runtimes/bundle.mjs';

const folder = join(root, 'build/live');

await conclude(async function* () {
  install();
  await bundle(folder, 'test/live/main');
  const { main } = await import(pathToFileURL(join(folder, 'main.mjs')).href);
  yield await main(process.argv.slice(2), async () => ({ root, ...(await findBrowsers()) }));
});
