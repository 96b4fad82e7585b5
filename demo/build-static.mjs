// `npm run build:demo` makes the static build of the demo in build/demo-static. Copy that folder to any web server, below
// any path. All addresses in it are relative, so nothing needs a setting.
import { install, npm } from '../.ci/project.mjs';

try {
  install();
  if (!npm('run', '--silent', 'build')) throw new Error('the build failed; its output above says why');
  const { buildStatic } = await import('./host/static/build.mjs');
  await buildStatic();
  console.log('The static build is in build/demo-static. Copy its files to any web server with HTTPS.');
} catch (error) {
  console.error(`Cannot build the demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
