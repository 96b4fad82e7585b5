/**
 * `npm run test:live`, tried on a LocalOss over HTTP: it sends nothing without consent, cleans up, and prints no
 * secret.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { AppendableObject, OssClient } from '../../src/index.ts';
import { type LocalOssServer, serveLocalOss } from '../../src/testing/node/index.ts';
import { CONSENT, type Environment, readSettings } from './environment.ts';
import { askAll, QUESTIONS } from './questions.ts';
import { writeReport } from './report.ts';
import { type LiveServer, startLiveServer } from './server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const BUCKET = 'a-private-name';
let local: LocalOssServer | undefined;
let live: LiveServer | undefined;

afterEach(async () => {
  await live?.close();
  await local?.close();
  live = undefined;
  local = undefined;
});

/** Starts a LocalOss, and returns the environment of a run on it. */
async function localRun(): Promise<{ server: LocalOssServer; env: Environment }> {
  const server = await serveLocalOss({ buckets: [BUCKET] });
  local = server;
  const { accessKeyId, accessKeySecret, securityToken } = server.oss.issueToken();
  const key = {
    OSS_ACCESS_KEY_ID: accessKeyId,
    OSS_ACCESS_KEY_SECRET: accessKeySecret,
    OSS_SECURITY_TOKEN: securityToken,
  };
  return {
    server,
    env: { [CONSENT]: 'yes', OSS_REGION: 'cn-hangzhou', OSS_BUCKET: BUCKET, OSS_ENDPOINT: server.url, ...key },
  };
}

describe('the environment', () => {
  test('without consent to costs, the run is refused, and the refusal names the variable', async () => {
    const { server, env } = await localRun();
    for (const consent of [undefined, '', 'no', 'true'])
      await expect(readSettings({ ...env, [CONSENT]: consent })).rejects.toThrow(
        `set ${CONSENT}=yes. Nothing was sent.`,
      );
    expect(server.oss.requests).toEqual([]);
  });

  test('the refusal names each missing variable', async () => {
    await expect(readSettings({ [CONSENT]: 'yes', OSS_REGION: 'cn-hangzhou' })).rejects.toThrow(
      'Set OSS_BUCKET, OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET as well. Nothing was sent.',
    );
  });

  test('each run has another prefix, below that of the environment', async () => {
    const { env } = await localRun();
    const prefixes = await Promise.all(
      [1, 2].map(async () => (await readSettings({ ...env, OSS_PREFIX: 'mine/' })).prefix),
    );
    expect(new Set(prefixes).size).toBe(2);
    for (const prefix of prefixes) expect(prefix).toMatch(/^mine\/oss-append-live-[0-9a-f]{12}\/$/);
  });

  test('with a role, the run has a token for its prefix only', async () => {
    const { server, env } = await localRun();
    const { accessKeyId, accessKeySecret } = server.keys;
    const key = {
      OSS_ACCESS_KEY_ID: accessKeyId,
      OSS_ACCESS_KEY_SECRET: accessKeySecret,
      OSS_SECURITY_TOKEN: undefined,
    };
    const role = { OSS_ROLE_ARN: server.roleArn, OSS_STS_ENDPOINT: server.stsUrl };
    const settings = await readSettings({ ...env, ...key, ...role });
    const client = new OssClient({ ...settings, credentials: settings.credentials });
    await client.appendObject(`${settings.prefix}a`, 'x', { position: 0 });
    await expect(client.appendObject('b', 'x', { position: 0 })).rejects.toMatchObject({ code: 'AccessDenied' });
  });
});

test('no number is missing in the list of open questions', () => {
  const numbers = QUESTIONS.flatMap(({ id }) => id.match(/\d+/g) ?? []).map(Number);
  expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1));
});

test('every question gets an answer, every object is deleted, and the report has no secret', async () => {
  const { server, env } = await localRun();
  const settings = await readSettings(env);
  live = await startLiveServer('.', settings);
  const { bucketBehind } = live;
  const answers = await askAll(bucketBehind, settings.prefix, () => Promise.resolve());
  expect(answers.map(({ id }) => id)).toEqual(QUESTIONS.map(({ id }) => id));
  expect(answers.filter(({ answer }) => answer.startsWith('failed'))).toEqual([]);
  const answerTo = (asked: string) => answers.find(({ id }) => id === asked)?.answer;
  expect(answerTo('16')).toContain('409 PositionNotEqualToLength (EC 0026-00000016)');
  expect(answerTo('21')).toMatch(/^404 NoSuchKey .*; 404 NoSuchKey /);
  expect(answerTo('22')).toMatch(/^403 RequestTimeTooSkewed /);
  expect(answerTo('23')).toMatch(/^403 SignatureDoesNotMatch .*; 200$/);
  const keys = [...bucketBehind.written];
  expect(keys.length).toBeGreaterThan(15);
  expect(keys.filter((key) => !key.startsWith(settings.prefix))).toEqual([]);
  expect(await bucketBehind.cleanUp()).toEqual([]);
  expect(keys.filter((key) => server.oss.object(BUCKET, key))).toEqual([]);

  const { accessKeyId, accessKeySecret, securityToken = '' } = settings.credentials;
  const url = bucketBehind.sign({ method: 'GET', key: 'a', signing: 'query' }).url;
  const failed = {
    name: 'a case',
    status: 'failed',
    reason: `refused ${url} with ${securityToken} of ${BUCKET}`,
  } as const;
  const runtimes = [
    { runtime: 'node', agent: 'node', results: [failed, { name: 'another', status: 'passed' } as const] },
  ];
  const date = new Date('2026-11-28T12:00:00Z');
  const report = writeReport({ date, version: '1.2.3', runtimes, answers, left: [] }, settings);
  expect(report).toContain('# oss-append 1.2.3 on a bucket: 2026-11-28');
  expect(report).toContain('| node | 1 | 1 | 0 |');
  for (const secret of [accessKeyId, accessKeySecret, securityToken, encodeURIComponent(securityToken), BUCKET])
    expect(report).not.toContain(secret);
  expect(report).not.toMatch(/x-oss-signature=|x-oss-credential=/);
});

test('what cannot be deleted is reported', async () => {
  const { env } = await localRun();
  const settings = await readSettings(env);
  live = await startLiveServer('.', settings);
  const { bucketBehind } = live;
  await bucketBehind.append(`${settings.prefix}a`, 'x', 0);
  await local?.close();
  const left = await bucketBehind.cleanUp();
  expect(left).toEqual([`${settings.prefix}a`]);
  const report = writeReport({ date: new Date(), version: '1', runtimes: [], answers: [], left }, settings);
  expect(report).toContain(`1 objects could not be deleted. They are below the prefix ${settings.prefix}`);
});

test('an empty append to an object that exists does not count as stored', async () => {
  const { env } = await localRun();
  const settings = await readSettings(env);
  live = await startLiveServer('.', settings);
  const { region, credentials } = settings;
  const client = new OssClient({ region, bucket: BUCKET, endpoint: live.ossUrl, credentials });
  const key = `${settings.prefix}a`;
  for (const [body, position] of [
    ['', 0],
    ['x', 0],
    ['', 1],
  ] as const)
    await client.appendObject(key, body, { position });
  const { headers } = await fetch(`${live.controlUrl}/object?key=${encodeURIComponent(key)}`);
  const { appends } = JSON.parse(headers.get('x-view') ?? '');
  expect(appends).toBe(2);
});

test('a run that is ended early deletes its objects, and says so', async () => {
  let run: ChildProcess | undefined;
  const onrequest = ({ operation }: { operation: string }) =>
    void (operation === 'AppendObject' && !run?.killed && run?.kill('SIGINT'));
  const server = await serveLocalOss({ buckets: [BUCKET], onrequest });
  local = server;
  const { accessKeyId, accessKeySecret } = server.keys;
  const place = { OSS_REGION: 'cn-hangzhou', OSS_BUCKET: BUCKET, OSS_ENDPOINT: server.url };
  const key = { OSS_ACCESS_KEY_ID: accessKeyId, OSS_ACCESS_KEY_SECRET: accessKeySecret };
  const env = { ...process.env, [CONSENT]: 'yes', ...place, ...key };
  const started = spawn(process.execPath, ['test/live/run.mjs', 'node'], { cwd: root, env });
  run = started;
  const printed = (await Promise.all([text(started.stdout), text(started.stderr)])).join('');
  expect(printed).toContain('Every object of this run was deleted.');
  expect(printed).toContain('The run was ended by SIGINT');
  expect(printed).not.toContain(BUCKET);
  expect(server.oss.requests.some(({ operation }) => operation === 'DeleteObject')).toBe(true);
  expect(server.oss.keys(BUCKET)).toEqual([]);
});

test('the relay passes signed requests on, and plays a lost answer', async () => {
  const { server, env } = await localRun();
  const settings = await readSettings(env);
  live = await startLiveServer('.', settings);
  const key = `${settings.prefix}a b/ü`;
  const rules = [{ kind: 'drop-after', nth: 2 }];
  const faults = `${live.controlUrl}/faults?bucket=open-bucket&key=${encodeURIComponent(key)}`;
  expect((await fetch(faults, { method: 'POST', body: JSON.stringify(rules) })).status).toBe(200);
  const { region, credentials } = settings;
  const client = new OssClient({ region, bucket: BUCKET, endpoint: live.ossUrl, credentials, retry: { baseDelay: 1 } });
  const object = new AppendableObject(client, key, { segmentSize: 4 });
  await object.append('exactly once');
  expect(new TextDecoder().decode(server.oss.object(BUCKET, key)?.bytes())).toBe('exactly once');
  // One HEAD finds the end of the object, and a second one settles the lost answer.
  expect(server.oss.requests.filter(({ operation }) => operation === 'HeadObject').length).toBe(2);
  const unknown = await fetch(faults, { method: 'POST', body: JSON.stringify([{ kind: 'cached-head' }]) });
  expect(unknown.status).toBe(501);
  expect(await live.bucketBehind.cleanUp()).toEqual([]);
});
