/** LocalSts checks calls of AssumeRole as STS does. The tests sign with node:crypto, and share no code with src. */
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LocalOss, LocalSts, type RoleOptions } from '../../src/testing/index.ts';
import { encode, NOON } from './tools.ts';

const ROLE = 'acs:ram::1000000000000000:role/append';

/** How a call differs from the usual one. */
interface CallChanges {
  readonly role?: RoleOptions;
  /** Parameters in the query. The others are in the body. */
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  /** Names of headers that the signature does not cover. */
  readonly unsigned?: readonly string[];
  readonly path?: string;
  /** Changes the list of signed headers, which is sorted. */
  readonly list?: (names: string[]) => string[];
  /** The time of the call, in ms after the time of the server. */
  readonly late?: number;
}

/** Calls AssumeRole. A parameter that is undefined is left out. */
async function assumeRole(
  parameters: Record<string, string | undefined> = {},
  changes: CallChanges = {},
): Promise<Record<string, unknown> & { status: number }> {
  const { role = {}, query = {}, headers: more = {}, unsigned = [], path = '/', late = 0, list } = changes;
  const clock = { now: () => NOON };
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } }, clock });
  const sts = new LocalSts({ oss, accessKeys: { ak: 'sk' }, roles: { [ROLE]: role }, clock });
  const search = formOf(query);
  const body = formOf({ RoleArn: ROLE, RoleSessionName: 'u42', ...parameters });
  const headers: Record<string, string> = {
    host: 'sts.aliyuncs.com',
    'content-type': 'application/x-www-form-urlencoded',
    'x-acs-action': 'AssumeRole',
    'x-acs-version': '2015-04-01',
    'x-acs-date': new Date(NOON + late).toISOString().replace('.000Z', 'Z'),
    'x-acs-signature-nonce': randomUUID(),
    'x-acs-content-sha256': sha256(body),
    ...more,
  };
  const sorted = Object.keys(headers).filter((name) => !unsigned.includes(name));
  sorted.sort();
  const names = list?.(sorted) ?? sorted;
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = `POST\n${path}\n${search}\n${lines}\n${names.join(';')}\n${sha256(body)}`;
  const signature = createHmac('sha256', 'sk')
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex');
  const authorization = `ACS3-HMAC-SHA256 Credential=ak,SignedHeaders=${names.join(';')},Signature=${signature}`;
  const { host, ...sent } = headers;
  const url = `https://${host}${path}${search && `?${search}`}`;
  const response = await sts.fetch(url, { method: 'POST', headers: { ...sent, authorization }, body });
  return { status: response.status, ...(await response.json()) };
}

/** Returns the parameters in the canonical form: sorted by their encoded names, and a name without a value keeps `=`. */
function formOf(parameters: Record<string, string | undefined>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  const pairs = given.map(([name, value = '']) => [encode(name), encode(value)] as const);
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map((pair) => pair.join('=')).join('&');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('the parameters of AssumeRole', () => {
  const long = 'e'.repeat(1224);
  const policyOf = (length: number) => '{"Version":"1","Statement":[]}'.padEnd(length);

  test.each<[string, string, string | undefined, RoleOptions?]>([
    ['RoleSessionName', 'of 2 characters', 'u4'],
    ['RoleSessionName', 'with every allowed sign', 'Aa0.@-_'],
    ['RoleSessionName', 'of 64 characters', 'u'.repeat(64)],
    ['DurationSeconds', 'of 900', '900'],
    ['DurationSeconds', 'that is missing', undefined],
    ['DurationSeconds', 'of 3600', '3600'],
    ['DurationSeconds', 'of 7200 for a role that allows it', '7200', { maxSessionDuration: 7200 }],
    ['Policy', 'of 2048 characters', policyOf(2048)],
    ['ExternalId', 'of 2 characters', 'ab', { externalId: 'ab' }],
    ['ExternalId', 'with every allowed sign', 'Aa0_+=,.@:/-', { externalId: 'Aa0_+=,.@:/-' }],
    ['ExternalId', 'of 1224 characters', long, { externalId: long }],
    ['SourceIdentity', 'of 2 characters', 'al'],
    ['SourceIdentity', 'of 64 characters', 'a'.repeat(64)],
  ])('a %s %s is accepted', async (name, _, value, role = {}) => {
    expect(await assumeRole({ [name]: value }, { role })).toMatchObject({ status: 200 });
  });

  test.each<[string, string, string | undefined, string, RoleOptions?]>([
    ['RoleArn', 'that is missing', undefined, 'RoleArn'],
    ['RoleArn', 'of a user', 'acs:ram::1000000000000000:user/append', 'RoleArn'],
    ['RoleArn', 'without an account', 'acs:ram:::role/append', 'RoleArn'],
    ['RoleSessionName', 'that is missing', undefined, 'RoleSessionName'],
    ['RoleSessionName', 'of 1 character', 'u', 'RoleSessionName'],
    ['RoleSessionName', 'of 65 characters', 'u'.repeat(65), 'RoleSessionName'],
    ['RoleSessionName', 'with a space', 'u 42', 'RoleSessionName'],
    ['DurationSeconds', 'of 899', '899', 'DurationSeconds'],
    ['DurationSeconds', 'of 3601', '3601', 'DurationSeconds'],
    ['DurationSeconds', 'above the limit of the role', '7201', 'DurationSeconds', { maxSessionDuration: 7200 }],
    ['DurationSeconds', 'above the limit of all roles', '43201', 'DurationSeconds', { maxSessionDuration: 50_000 }],
    ['DurationSeconds', 'that is not a whole number', '1e3', 'DurationSeconds'],
    ['Policy', 'that is empty', '', 'PolicyGrammar'],
    ['Policy', 'of 2049 characters', policyOf(2049), 'PolicySize'],
    ['Policy', 'that is not JSON', '{', 'PolicyGrammar'],
    ['ExternalId', 'of 1 character', 'a', 'ExternalId', { externalId: 'a' }],
    ['ExternalId', 'of 1225 characters', `${long}e`, 'ExternalId', { externalId: `${long}e` }],
    ['ExternalId', 'with a space', 'a b', 'ExternalId', { externalId: 'a b' }],
    ['SourceIdentity', 'of 1 character', 'a', 'SourceIdentity'],
    ['SourceIdentity', 'of 65 characters', 'a'.repeat(65), 'SourceIdentity'],
  ])('a %s %s is refused', async (name, _, value, reason, role = {}) => {
    const answer = await assumeRole({ [name]: value }, { role });
    expect(answer).toMatchObject({ status: 400, Code: `InvalidParameter.${reason}` });
  });

  test.each<[string, string | undefined, RoleOptions]>([
    ['no external ID for a role that has one', undefined, { externalId: 'ab' }],
    ['another external ID', 'abc', { externalId: 'ab' }],
    ['a key that the role does not trust', undefined, { trusted: ['other'] }],
  ])('%s is refused', async (_, ExternalId, own) => {
    expect(await assumeRole({ ExternalId }, { role: own })).toMatchObject({ status: 403, Code: 'NoPermission' });
  });
});

describe('the answer of AssumeRole', () => {
  test('names the role, the session and the source identity', async () => {
    expect(await assumeRole({ SourceIdentity: 'alice' })).toEqual({
      status: 200,
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      SourceIdentity: 'alice',
      AssumedRoleUser: { Arn: `${ROLE}/u42`, AssumedRoleId: '300000000000000000:u42' },
      Credentials: {
        AccessKeyId: expect.stringMatching(/^STS\./),
        AccessKeySecret: expect.any(String),
        SecurityToken: expect.any(String),
        Expiration: '2026-01-02T13:00:00Z',
      },
    });
    expect(await assumeRole()).not.toHaveProperty('SourceIdentity');
  });

  test('a refusal has the five fields of STS', async () => {
    expect(await assumeRole({ RoleArn: `${ROLE}-2` })).toEqual({
      status: 404,
      Code: 'EntityNotExist.Role',
      Message: expect.any(String),
      RequestId: expect.stringMatching(/^[0-9A-F-]{36}$/),
      HostId: 'sts.aliyuncs.com',
      Recommend: 'https://api.aliyun.com/troubleshoot?q=EntityNotExist.Role&product=Sts',
    });
  });
});

describe('the signature of a call', () => {
  const token = { 'x-acs-security-token': 'token' };

  test.each<[string, CallChanges, number, string | undefined]>([
    [
      'the query is sorted by names, not by whole parameters',
      { query: { a: '1', 'a-b': '2', 'a.1': '' } },
      200,
      undefined,
    ],
    ['a token of the caller is signed', { headers: token }, 200, undefined],
    [
      'a token of the caller is not signed',
      { headers: token, unsigned: ['x-acs-security-token'] },
      400,
      'SignatureDoesNotMatch',
    ],
    ['the signed headers are not sorted', { list: (names) => [...names].reverse() }, 400, 'SignatureDoesNotMatch'],
    ['the type of the body is not signed', { unsigned: ['content-type'] }, 400, 'SignatureDoesNotMatch'],
    ['another path is signed', { path: '/roles' }, 404, 'InvalidAction.NotFound'],
    [
      'the type of the body is JSON, so a form is not read',
      { headers: { 'content-type': 'application/json' } },
      400,
      'InvalidParameter.RoleArn',
    ],
    ['another version is signed', { headers: { 'x-acs-version': '2014-05-26' } }, 404, 'InvalidAction.NotFound'],
    ['the call is 15 minutes old', { late: -900_000 }, 200, undefined],
    ['the call is older', { late: -901_000 }, 400, 'InvalidTimeStamp.Expired'],
    ['the call is 15 minutes early', { late: 900_000 }, 200, undefined],
    ['the call is earlier', { late: 901_000 }, 400, 'InvalidTimeStamp.Expired'],
  ])('%s', async (_, changes, status, code) => {
    expect(await assumeRole({}, changes)).toMatchObject(code === undefined ? { status } : { status, Code: code });
  });
});
