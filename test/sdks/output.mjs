// Runs the programs of other authors and reads what they print. The server of the tests lives in this process, so it
// must not be blocked.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Resolves to everything that the program prints. Rejects if it cannot be started. */
export async function outputOf(command, args, { cwd, env }) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      text += data;
    });
  }
  await once(child, 'close');
  return text;
}

/** Returns the environment in which the integration tests of the official SDKs find the server. */
export function environmentFor({ url, keys, roleArn }) {
  return {
    ...process.env,
    OSS_TEST_ACCESS_KEY_ID: keys.accessKeyId,
    OSS_TEST_ACCESS_KEY_SECRET: keys.accessKeySecret,
    OSS_TEST_ENDPOINT: url,
    OSS_TEST_REGION: 'cn-hangzhou',
    OSS_TEST_RAM_ROLE_ARN: roleArn,
    // Both variables hold the number of the owner: Python reads the first variable, and Go reads the second one.
    OSS_TEST_USER_ID: '1',
    OSS_TEST_RAM_UID: '1',
  };
}
