// `npm run demo:screens` takes pictures of the demo page into build/demo/screens. It is for people who look at them.
//
//   npm run demo:screens                         all scenes: some 100 pictures, 5 to 30 s for each scene
//   npm run demo:screens -- flight error-rival   these scenes
//   npm run demo:screens -- readme               the pictures of README.md and README.zh-CN.md, in demo
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { install } from '../../../.ci/project.mjs';
import { load } from '../../../.ci/suite.mjs';

/** Modules that are not compiled stay where they are, because they know their own place. */
const modulesInPlace = {
  name: 'modules-in-place',
  setup: (made) =>
    made.onResolve({ filter: /\.mjs$/ }, ({ path, resolveDir }) => ({
      path: pathToFileURL(resolve(resolveDir, path)).href,
      external: true,
    })),
};

install();
const { main } = await load('test/demo/screens/main.ts', { plugins: [modulesInPlace] });
const failed = await main(process.argv.slice(2));
process.exit(failed === 0 ? 0 : 1);
