/** LocalOss answers as docs/local.md says in cases that the documents of OSS leave open. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LocalOss } from '../../src/testing/index.ts';
import { appendCall, type Call, type CallOptions, call, KEYS, NOON, refusal, sign } from './tools.ts';

const text = readFileSync(new URL('../../docs/local.md', import.meta.url), 'utf8');

/** Returns what the table in docs/local.md says about a case. */
function documented(name: string): string {
  const row = text.split('\n').find((line) => line.startsWith(`| ${name}`));
  return row?.split(' | ')[1]?.replace(/ \|$/, '') ?? '';
}

function anOss(now: number = NOON): LocalOss {
  const buckets = { logs: { region: 'cn-hangzhou' } };
  return new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock: { now: () => now } });
}

/** Returns the status of an answer, and the code of a refusal. */
async function answerOf(response: Response): Promise<string> {
  const { status, code } = await refusal(response);
  return `${status} ${code}`.trim();
}

const append = (options: Partial<CallOptions>, headers: Record<string, string> = {}, now?: number) =>
  call(anOss(now), appendCall('a', 0, headers), { body: 'x', ...options });

const changed = (change: (authorization: string) => string): Partial<CallOptions> => ({
  tamper: ({ headers }) => {
    headers['authorization'] = change(headers['authorization'] ?? '');
  },
});

const FORBID = { 'x-oss-forbid-overwrite': 'true' };
const SSE = 'x-oss-server-side-encryption';
const KMS = { [SSE]: 'KMS' };

/** Sends a request to an OSS with the object `a` of one byte. */
function onObject(what: Call, oss: LocalOss = anOss()): Promise<Response> {
  oss.appendObject('logs', 'a', 1);
  return call(oss, what, what[0] === 'POST' ? { body: 'x' } : {});
}

async function appendToSealed(): Promise<Response> {
  const oss = anOss();
  await onObject(['POST', 'a', { seal: '', position: '1' }], oss);
  return call(oss, appendCall('a', 1), { body: 'x' });
}

function withForeignToken(): Promise<Response> {
  const oss = anOss();
  const { securityToken } = oss.issueToken();
  return call(oss, appendCall('a', 0), { ...oss.issueToken(), securityToken, body: 'x' });
}

function missingWithoutList(): Promise<Response> {
  const oss = anOss();
  const Statement = { Effect: 'Allow', Action: 'oss:GetObject', Resource: 'acs:oss:*:*:logs/*' };
  return call(oss, ['GET', 'none'], oss.issueToken({ policy: { Version: '1', Statement } }));
}

const accelerated = (region: string) =>
  append({
    region,
    tamper: (signed) => {
      signed.url = signed.url.replace(`oss-${region}`, 'oss-accelerate');
    },
  });

function inTwoLines(): Promise<Response> {
  const query = { append: '', position: '0' };
  const request = { method: 'POST', bucket: 'logs', key: 'a', query, headers: { 'x-oss-meta-a': '1, 2' } };
  const { url, headers } = sign(request, { ...KEYS, time: NOON });
  const lines = new Headers(headers);
  lines.delete('x-oss-meta-a');
  for (const value of ['1', '2']) lines.append('x-oss-meta-a', value);
  return anOss().fetch(url, { method: 'POST', headers: lines, body: new Uint8Array(1) });
}

test.each<[string, () => Promise<Response>, string?]>([
  ['an append to a sealed object', () => appendToSealed()],
  ['an append to an existing object with `x-oss-forbid-overwrite: true`', () => onObject(appendCall('a', 1, FORBID))],
  ['`versionId` on an append', () => onObject(['POST', 'a', { append: '', position: '1', versionId: 'null' }])],
  ['an encryption key ID on an append', () => append({}, { ...KMS, [`${SSE}-key-id`]: 'k' })],
  ['CopyObject of an appendable object', () => onObject(['PUT', 'b', {}, { 'x-oss-copy-source': '/logs/a' }])],
  ['`x-oss-hash-crc64ecma` as a header of a request', () => append({}, { 'x-oss-hash-crc64ecma': '1' }), '200'],
  ['a token that belongs to another key', withForeignToken],
  ['a token that belongs to another key', () => append({ securityToken: 'x' })],
  ['a limit (`x-oss-traffic-limit`) below', () => append({}, { 'x-oss-traffic-limit': '819199' })],
  ['HEAD and GET of a missing object with a token', missingWithoutList],
  [
    'a presigned URL whose `x-oss-date` is more than 15 minutes ahead',
    () => append({ expires: 60 }, {}, NOON - 900_001),
  ],
  [
    'additional headers that are not sorted',
    () => append(changed((v) => v.replace(',Sig', ',AdditionalHeaders=b;a,Sig'))),
  ],
  [
    'additional headers that are not sorted',
    () => append(changed((v) => v.replace(',Sig', ',AdditionalHeaders=A,Sig'))),
  ],
  [
    'additional headers that are not sorted',
    () => append(changed((v) => v.replace(',Sig', ',AdditionalHeaders=x-oss-date,Sig'))),
  ],
  ['spaces around the items of `Authorization`', () => append(changed((v) => v.replaceAll(',', ' , '))), '200'],
  ['the region of the signature at the hosts for acceleration', () => accelerated('cn-hangzhou'), '200'],
  ['the region of the signature at the hosts for acceleration', () => accelerated('cn-beijing'), '400 InvalidArgument'],
  ['a signed header that comes in two lines', inTwoLines, '200'],
])('%s: LocalOss answers as documented (%#)', async (name, ask, own) => {
  const cell = documented(name);
  expect(cell).not.toBe('');
  const answer = await answerOf(await ask());
  expect(answer).toBe(own ?? /^\d{3}(?: [A-Z]\w+)?/.exec(cell)?.[0]);
});
