/** What goes wrong in each case, and what the doctor must find. The same table runs in real browsers and without one. */

import type { DoctorOptions, FindingCode } from '../../src/doctor/index.ts';
import type { OssClientOptions } from '../../src/request/client.ts';
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import type {
  BucketOptions,
  CorsRule,
  Fault,
  FaultCondition,
  Operation,
  TokenOptions,
} from '../../src/testing/index.ts';

/** One case. All parts are data, because they are sent to a page. */
export interface DoctorCase {
  readonly name: string;
  readonly finds: readonly FindingCode[];
  /** What a page finds, if CORS hides the cause from it. */
  readonly inPage?: readonly FindingCode[];
  /** A text that `says` or `mend` of the findings must contain. */
  readonly says?: string;
  /** Changes the healthy CORS rule of the bucket. `none` means no rule. */
  readonly rule?: Partial<CorsRule> | 'none';
  readonly bucket?: Partial<BucketOptions>;
  readonly faults?: readonly (Fault & FaultCondition)[];
  readonly token?: TokenOptions;
  /** Changes the healthy settings of the client. */
  readonly client?: Partial<Pick<OssClientOptions, 'region' | 'bucket' | 'signing' | 'endpoint'>>;
  /** Changes the credentials after they were issued. */
  readonly credentials?: Readonly<Record<string, string | undefined>>;
  /** Nobody gives credentials: the token endpoint or the presign function fails. */
  readonly tokenFails?: boolean;
  /** The device clock is ahead by this, ms. */
  readonly clock?: number;
  /** The object exists with this text. */
  readonly object?: string;
  /** The object was not made by an append. */
  readonly isNormal?: boolean;
  readonly options?: Omit<DoctorOptions, 'presign' | 'fetch' | 'signal'>;
  /** The ways to sign in which the case runs. Default: all. */
  readonly ways?: readonly Way[];
  /** True if only a browser hides the cause. Without a browser the case runs with a `fetch` that behaves like one. */
  readonly isCors?: boolean;
}

/** How the client signs. */
export type Way = 'header' | 'query' | 'presigned';

export const WAYS: readonly Way[] = ['header', 'query', 'presigned'];

/** The object that the doctor examines. */
export const KEY = 'inbox/doctor.txt';

/** The rule of a healthy bucket, for one origin. */
export function healthyRule(origin: string): CorsRule {
  return {
    allowedOrigins: [origin],
    allowedMethods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['*'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAgeSeconds: 0,
  };
}

const always = (operation: Operation, fault: Fault): Fault & FaultCondition => ({
  ...fault,
  operation,
  times: Number.MAX_SAFE_INTEGER,
});
const everywhere = (fault: Fault) =>
  (['GetObject', 'HeadObject', 'AppendObject', 'OptionObject'] as const).map((operation) => always(operation, fault));

const without = (...names: string[]) => EXPOSED_HEADERS.filter((name) => !names.includes(name));

const HEALTHY: readonly DoctorCase[] = [
  { name: 'a healthy bucket without the object', finds: [] },
  { name: 'a healthy bucket with the object', finds: [], object: 'some bytes' },
  { name: 'a healthy bucket, with a write', finds: [], options: { write: true } },
  { name: 'a healthy bucket with the object, with a write', finds: [], object: 'some bytes', options: { write: true } },
  {
    name: 'a healthy bucket, with the headers of a first append',
    finds: [],
    options: { contentType: 'image/png', headers: { 'x-oss-meta-a': 'b', 'x-oss-tagging': 'team=a' }, write: true },
  },
];

export const CASES: readonly DoctorCase[] = [
  ...HEALTHY,
  { name: 'the bucket has no CORS rule', rule: 'none', isCors: true, finds: ['answer-hidden'] },
  {
    name: 'the CORS rule allows another origin',
    rule: { allowedOrigins: ['https://other.example.com'] },
    isCors: true,
    finds: ['answer-hidden'],
  },
  {
    name: 'the CORS rule does not allow POST',
    rule: { allowedMethods: ['GET', 'HEAD'] },
    isCors: true,
    finds: ['method-missing'],
    says: 'POST',
  },
  {
    name: 'the CORS rule does not allow HEAD',
    rule: { allowedMethods: ['GET', 'POST'] },
    isCors: true,
    finds: ['method-missing'],
    says: 'HEAD',
  },
  {
    name: 'the CORS rule does not allow GET',
    rule: { allowedMethods: ['HEAD', 'POST'] },
    isCors: true,
    finds: ['method-missing'],
    says: 'GET',
  },
  {
    name: 'the CORS rule allows no headers',
    rule: { allowedHeaders: [] },
    ways: ['header'],
    isCors: true,
    finds: ['preflight-refused'],
  },
  {
    name: 'a client that signs in the query needs no allowed headers',
    rule: { allowedHeaders: [] },
    ways: ['query', 'presigned'],
    isCors: true,
    finds: [],
  },
  {
    name: 'nobody answers preflights',
    faults: [always('OptionObject', { kind: 'gateway', status: 405 })],
    ways: ['header'],
    isCors: true,
    finds: ['preflight-refused'],
  },
  {
    name: 'the CORS rule does not allow the token',
    rule: { allowedHeaders: ['authorization', 'x-oss-date', 'x-oss-content-sha256', 'range', 'content-type'] },
    ways: ['header'],
    isCors: true,
    finds: ['header-not-allowed'],
    says: 'x-oss-security-token',
  },
  {
    name: 'the CORS rule does not allow the type of a first append',
    rule: { allowedHeaders: ['x-oss-*', 'authorization'] },
    options: { contentType: 'image/png' },
    isCors: true,
    finds: ['header-not-allowed'],
    says: 'content-type',
  },
  {
    name: 'the CORS rule exposes nothing',
    rule: { exposeHeaders: [] },
    isCors: true,
    finds: ['header-not-exposed'],
    says: 'x-oss-request-id,Date',
  },
  {
    name: 'the CORS rule hides the CRC',
    rule: { exposeHeaders: without('x-oss-hash-crc64ecma') },
    object: 'some bytes',
    isCors: true,
    finds: ['header-not-exposed'],
    says: 'x-oss-hash-crc64ecma',
  },
  {
    name: 'the bucket does not exist',
    client: { bucket: 'nothing-here' },
    ways: ['header', 'query'],
    finds: ['bucket-missing'],
    inPage: ['answer-hidden'],
  },
  {
    name: 'a portal answers every request',
    faults: everywhere({ kind: 'portal' }),
    finds: ['not-oss'],
    inPage: ['answer-hidden'],
  },
  {
    name: 'a gateway answers every request with its page',
    faults: everywhere({ kind: 'gateway' }),
    finds: ['not-oss'],
    inPage: ['answer-hidden'],
  },
  {
    name: 'a proxy redirects every request',
    faults: everywhere({ kind: 'redirect', location: 'https://login.example.com/' }),
    finds: ['not-oss'],
  },
  { name: 'the region is wrong', client: { region: 'cn-beijing' }, ways: ['header', 'query'], finds: ['region-wrong'] },
  {
    name: 'the account needs a custom domain',
    faults: everywhere({ kind: 'refuse', status: 400, code: 'PublicEndpointForbidden' }).slice(0, 3),
    finds: ['cname-needed'],
  },
  {
    name: 'OSS refuses the host',
    faults: everywhere({ kind: 'refuse', status: 403, code: 'SecondLevelDomainForbidden' }).slice(0, 3),
    finds: ['endpoint-wrong'],
  },
  { name: 'the clock is an hour ahead', clock: 3_600_000, ways: ['header', 'query'], finds: ['clock-wrong'] },
  { name: 'the clock is an hour behind', clock: -3_600_000, ways: ['header', 'query'], finds: ['clock-wrong'] },
  {
    name: 'the clock is wrong, and the token seems to be expired',
    clock: 5 * 3_600_000,
    ways: ['header', 'query'],
    finds: ['clock-wrong'],
  },
  {
    name: 'the clock of the server that signs is wrong',
    clock: 1_200_000,
    ways: ['presigned'],
    finds: ['clock-wrong'],
  },
  { name: 'the token endpoint or the presign function fails', tokenFails: true, finds: ['no-credentials'] },
  { name: 'the token has expired', faults: everywhere({ kind: 'expire-token' }).slice(0, 3), finds: ['token-expired'] },
  { name: 'the token is damaged', credentials: { securityToken: 'damaged' }, finds: ['token-refused'] },
  { name: 'the key is unknown', credentials: { accessKeyId: 'STS.unknown' }, finds: ['token-refused'] },
  { name: 'the secret is wrong', credentials: { accessKeySecret: 'NotTheSecret' }, finds: ['signature-wrong'] },
  {
    name: 'the token is for another prefix',
    token: { policy: policy(['PutObject', 'GetObject'], 'outbox/*') },
    finds: ['no-permission'],
  },
  {
    name: 'the token does not allow reading',
    token: { policy: policy(['PutObject'], 'inbox/*') },
    finds: ['permission-missing'],
  },
  {
    name: 'the token does not allow appending',
    token: { policy: policy(['GetObject'], 'inbox/*') },
    finds: ['permission-missing'],
  },
  {
    name: 'the token does not allow tags',
    token: { policy: policy(['PutObject', 'GetObject'], 'inbox/*') },
    options: { headers: { 'x-oss-tagging': 'team=a' } },
    finds: ['permission-missing'],
    says: 'oss:PutObjectTagging',
  },
  {
    name: 'a proxy limits the body with nginx’s page',
    faults: [always('AppendObject', { kind: 'limit', bytes: 1_048_576 })],
    finds: ['body-limit'],
  },
  {
    name: 'a proxy limits the body by breaking the connection',
    faults: [always('AppendObject', { kind: 'limit', bytes: 1_048_576, answer: 'reset' })],
    finds: ['body-limit'],
  },
  {
    name: 'OSS limits the body',
    faults: [always('AppendObject', { kind: 'limit', bytes: 1_048_576, answer: 'xml' })],
    finds: ['body-limit'],
  },
  {
    name: 'a CDN caches HEAD',
    faults: [always('HeadObject', { kind: 'cached-head' })],
    object: 'some bytes',
    finds: ['head-cached'],
  },
  {
    name: 'the object is a normal one',
    object: 'normal',
    isNormal: true,
    finds: ['refused'],
    says: 'ObjectNotAppendable',
  },
];

function policy(actions: readonly string[], prefix: string) {
  const Action = actions.map((action) => `oss:${action}`);
  return {
    Version: '1' as const,
    Statement: [{ Effect: 'Allow' as const, Action, Resource: [`acs:oss:*:*:logs/${prefix}`] }],
  };
}
