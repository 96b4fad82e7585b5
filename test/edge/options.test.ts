/** Tests that options which cannot work are refused when the handler is made, and not at its first request. */
import { expect, test } from 'vitest';
import { createEdge, type EdgeOptions } from '../../src/edge/index.ts';
import { BUCKET, EDGE, PAGE, RAM } from './world.ts';

const good: EdgeOptions = {
  oss: { region: 'cn-hangzhou', bucket: BUCKET },
  credentials: RAM,
  authenticate: async () => 'u1',
  prefixOf: () => 'inbox/u1/',
  origins: [PAGE],
};
const NUMBERS = [
  'grantLife',
  'maxUpload',
  'maxSegment',
  'maxBatch',
  'segmentSize',
  'idleTimeout',
  'totalTimeout',
  'uploadLife',
];
const WRONG_NUMBERS = [Number.NaN, 0, -1, 1.5, Number.POSITIVE_INFINITY, '100', null, [100], 10n, true];
const numbers = NUMBERS.flatMap((name) => WRONG_NUMBERS.map((value): [string, unknown] => [name, value]));
const FUNCTIONS = ['authenticate', 'prefixOf', 'tokenFor', 'allows', 'keyFor', 'onfailure', 'onuploaded'];
const functions = FUNCTIONS.flatMap((name) => ['u1', null, true].map((value): [string, unknown] => [name, value]));

test.each<[string, unknown]>([
  ...numbers,
  ...functions,
  ['grantLife', 43_201],
  ['maxUpload', 5 * 1024 ** 3 + 1],
  ['idleTimeout', 2 ** 31],
  ['totalTimeout', 2 ** 31],
  ['uploadLife', 2_592_001],
  ['uploadSecret', 'too short'],
  ['uploadSecret', ['long enough to be a secret of an HMAC', 'too short']],
  ['uploadSecret', 5],
  ['uploadSecret', null],
  ['deletesUploads', 'yes'],
  ['authenticate', undefined],
  ['prefixOf', undefined],
  ['origins', undefined],
  ['origins', null],
  ['origins', PAGE],
  ['origins', [`${PAGE}/`]],
  ['origins', ['*']],
  ['origins', ['null']],
  ['origins', [undefined]],
  ['origins', [new URL(PAGE)]],
  ['origins', ['ftp://page.example']],
  ['oss', undefined],
  ['oss', { region: 'nowhere', bucket: BUCKET }],
  ['oss', { region: 'cn-hangzhou' }],
  ['credentials', undefined],
  ['credentials', { accessKeyId: 'id' }],
  ['routes', { 'POST /session': 'login' }],
  ['routes', { 'POST /session': null }],
  ['routes', null],
  // Without this check, an application that misspells `allows` would allow everything.
  ['allow', () => false],
  ['maxUplaod', 100],
])('%s: %s throws when the handler is made', (name, value) => {
  expect(() => createEdge({ ...good, [name]: value })).toThrow(
    /must be|is empty|needs|missing|list|option|function|not a/,
  );
});

test('a change of the options after the handler was made has no effect', async () => {
  const origins = [PAGE];
  const edge = createEdge({ ...good, origins, maxUpload: 5 * 1024 ** 3, grantLife: 43_200, segmentSize: 1 });
  origins.push('https://evil.example');
  const request = new Request(`${EDGE}/token`, { method: 'POST', headers: { origin: 'https://evil.example' } });
  expect((await edge(request)).status).toBe(403);
});
