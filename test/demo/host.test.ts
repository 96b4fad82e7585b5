/** Tests the host of the demo as a function: its routes, its faults by scope, and each fault with each way to append. */
import { beforeEach, describe, expect, test } from 'vitest';
import { FAULT_NAMES, type FaultName } from '../../demo/host/contract.ts';
import type { LocalHost } from '../../demo/host/local-host.ts';
import { AppendableObject, type AppendClient } from '../../src/index.ts';
import { failureOf, utf8 } from '../tools/unit-tools.ts';
import { drive, VirtualClock } from '../tools/virtual-clock.ts';
import { BUCKET, HostPage, makeHost, ORIGIN } from './world.ts';

let clock: VirtualClock;
let host: LocalHost;
let page: HostPage;
let scope: string;

beforeEach(async () => {
  clock = new VirtualClock(Date.now());
  host = makeHost({ clock });
  page = new HostPage(host);
  scope = `${(await page.config()).prefix}tab1/`;
});

describe('the routes', () => {
  test('the configuration names the OSS, the edge and the prefix, and no cache keeps it', async () => {
    const response = await page.fetch('config');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toEqual({
      mode: 'static',
      region: 'cn-hangzhou',
      bucket: BUCKET,
      endpoint: ORIGIN,
      pathStyle: true,
      prefix: expect.stringMatching(/^demo\/[0-9a-f]{8}\/$/),
      edge: ORIGIN,
      canBreak: true,
    });
  });

  test('a host below a path answers there, and the edge too', async () => {
    const base = '/oss-append';
    const below = new HostPage(makeHost({ base }), base);
    const { edge, prefix } = await below.config();
    expect(edge).toBe(`${ORIGIN}/oss-append`);
    const client = await below.tokenClient();
    await client.appendObject(`${prefix}a`, 'mine', { position: 0 });
    const uploaded = await below.fetch(`${edge}/upload/${encodeURIComponent(`${prefix}b`)}`, {
      method: 'POST',
      body: 'piped',
    });
    expect(await uploaded.json()).toMatchObject({ position: 5 });
    expect((await new HostPage(makeHost({ base })).fetch('config')).status).toBe(404);
  });

  test('a session has the prefix of the configuration, and a token is valid only there', async () => {
    const { prefix } = await page.config();
    const session = await page.fetch('session', { method: 'POST' });
    expect(await session.json()).toEqual({ user: 'you', prefix });
    const client = await page.tokenClient();
    const denied = client.appendObject('demo/a', 'not mine', { position: 0 });
    await expect(denied).rejects.toMatchObject({ status: 403, code: 'AccessDenied' });
  });

  test.each<[what: string, body: unknown, says: RegExp]>([
    ['an unknown fault', { scope: 'SCOPE', active: ['lose-everything'] }, /lose-answers, drop-connections/],
    ['no list of faults', { scope: 'SCOPE', active: 'portal' }, /list/],
    ['a scope outside the prefix', { scope: 'demo/', active: [] }, /scope must begin with demo\//],
    ['a scope that is the beginning of a name', { scope: 'SCOPEx', active: [] }, /end with \//],
    ['no scope', { active: [] }, /scope/],
    ['no object', [], /JSON object/],
    ['no JSON', undefined, /JSON object/],
  ])('PUT faults with %s is refused, and the message says why', async (_, body, says) => {
    const text = JSON.stringify(body)?.replace('SCOPE', scope);
    const response = await page.fetch('faults', { method: 'PUT', body: text ?? 'x' });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: 'BadRequest', message: expect.stringMatching(says) });
  });

  test('GET faults and GET stats need a scope', async () => {
    for (const path of ['faults', 'stats', 'faults?scope=', 'stats?scope=demo%2F'])
      expect((await page.fetch(path)).status, path).toBe(400);
  });

  test('a rival appends at the end of an object, or creates it', async () => {
    const { prefix } = await page.config();
    const ask = (key: unknown, text: unknown) =>
      page.fetch('rival', { method: 'POST', body: JSON.stringify({ key, text }) });
    expect(await (await ask(`${prefix}a`, 'one')).json()).toEqual({ position: 3 });
    expect(await (await ask(`${prefix}a`, 'äö')).json()).toEqual({ position: 7 });
    expect(host.oss.object(BUCKET, `${prefix}a`)?.bytes()).toEqual(utf8('oneäö'));
    for (const [key, text] of [
      ['demo/a', 'x'],
      [prefix, 'x'],
      [`${prefix}a`, ''],
      [`${prefix}a`, 'x'.repeat(65_537)],
      [`${prefix}a`, 7],
    ])
      expect((await ask(key, text)).status, String(text).slice(0, 9)).toBe(400);
    host.oss.putObject(BUCKET, `${prefix}b`, utf8('normal'));
    expect((await ask(`${prefix}b`, 'x')).status).toBe(409);
  });
});

describe('scopes', () => {
  test('a second tab neither meets nor changes the faults of the first one', async () => {
    const other = scope.replace('tab1', 'tab10');
    expect(await page.breakIt(scope, 'throttle', 'throttle', 'slow')).toEqual({ scope, active: ['throttle', 'slow'] });
    expect(await page.breakIt(other, 'portal')).toEqual({ scope: other, active: ['portal'] });
    expect(await (await page.fetch(`faults?scope=${encodeURIComponent(scope)}`)).json()).toMatchObject({
      active: ['throttle', 'slow'],
    });
    await page.breakIt(other);
    expect(host.desk.active(scope)).toEqual(['throttle', 'slow']);
    await (await page.tokenClient()).appendObject(`${other}a`, 'x', { position: 0 });
    expect(await page.stats(other)).toEqual({
      ...{ scope: other, requests: 1, preflights: 0, appends: 1, heads: 0, gets: 0, faults: {} },
    });
    expect(await page.stats(scope)).toMatchObject({ requests: 0 });
  });

  test('the counters tell the operations apart, and count each fault', async () => {
    const preflight = { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': 'POST' } };
    await page.fetch(`/${BUCKET}/${scope}a?append&position=0`, preflight);
    await page.breakIt(scope, 'lose-answers');
    const client = await page.tokenClient({ clock });
    await drive(new AppendableObject(client, `${scope}a`).append('12345'), clock, page);
    await client.getObject(`${scope}a`);
    const { requests, ...rest } = await page.stats(scope);
    expect(rest).toEqual({ scope, preflights: 1, appends: 1, heads: 2, gets: 1, faults: { 'lose-answers': 1 } });
    expect(requests).toBe(5);
  });

  test('what a desk knows can be stored as JSON and taken over by another desk', async () => {
    await page.breakIt(scope, 'throttle');
    const client = await page.tokenClient({ clock });
    await drive(client.appendObject(`${scope}a`, 'x', { position: 0 }), clock, page);
    const next = makeHost();
    next.desk.restore(JSON.parse(JSON.stringify(host.desk.state)));
    expect(next.desk.active(scope)).toEqual(['throttle']);
    expect(next.desk.stats(scope).appends).toBe(2);
    expect(next.desk.stats(scope)).toEqual(host.desk.stats(scope));
  });

  test('a fault that was switched off and on again happens to the next request', async () => {
    const client = await page.tokenClient({ clock });
    for (let position = 0; position < 3; position++) {
      await page.breakIt(scope, 'throttle');
      await drive(client.appendObject(`${scope}a`, 'x', { position }), clock, page);
    }
    expect((await page.stats(scope)).faults).toEqual({ throttle: 3 });
  });
});

/** What each fault makes of an append, besides the success in the end. */
const HITS: Readonly<Record<'token' | 'grants', Partial<Record<FaultName, number>>>> = {
  token: {},
  // The edge signs these requests, and its clock and its keys are right.
  grants: { 'expire-token': 0, 'skew-clock': 0 },
};

describe.each(['token', 'grants'] as const)('an append of three segments by %s', (way) => {
  const data = utf8('abcdefghi');

  function clientOf(): Promise<AppendClient> {
    return way === 'token' ? page.tokenClient({ clock }) : page.grantClient({ clock });
  }

  test.each(FAULT_NAMES.filter((name) => name !== 'flip-bit'))('survives the fault %s', async (name) => {
    await page.breakIt(scope, name);
    const object = new AppendableObject(await clientOf(), `${scope}a`, { segmentSize: 3 });
    const tail = await drive(object.append(data), clock, page);
    expect(tail.position).toBe(9);
    expect(host.oss.object(BUCKET, `${scope}a`)?.bytes()).toEqual(data);
    const hits = (await page.stats(scope)).faults[name] ?? 0;
    if (HITS[way][name] === 0) expect(hits).toBe(0);
    else expect(hits).toBeGreaterThan(0);
  });

  test('survives all of these faults together', async () => {
    await page.breakIt(scope, ...FAULT_NAMES.filter((name) => name !== 'flip-bit'));
    const object = new AppendableObject(await clientOf(), `${scope}a`, { segmentSize: 3 });
    await drive(object.append(data), clock, page);
    expect(host.oss.object(BUCKET, `${scope}a`)?.bytes()).toEqual(data);
  });

  test('finds a flipped bit, and says that the object is damaged', async () => {
    await page.breakIt(scope, 'flip-bit');
    const object = new AppendableObject(await clientOf(), `${scope}a`, { segmentSize: 3 });
    expect(await failureOf(drive(object.append(data), clock, page))).toMatchObject({ name: 'ChecksumError' });
  });
});

test.each(FAULT_NAMES.filter((name) => !['flip-bit', 'answer-late', 'slow'].includes(name)))(
  'an upload through the edge survives the fault %s',
  async (name) => {
    const real = new HostPage(makeHost());
    const key = `${(await real.config()).prefix}tab1/a`;
    await real.breakIt(key.slice(0, -1), name);
    const response = await real.fetch(`upload/${encodeURIComponent(key)}`, { method: 'POST', body: 'piped' });
    expect(await response.json()).toMatchObject({ position: 5 });
    expect(real.host.oss.object(BUCKET, key)?.bytes()).toEqual(utf8('piped'));
  },
);
