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
import type { Instead } from './instead.ts';

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
  /** Answers that come in place of those of LocalOss. */
  readonly instead?: readonly Instead[];
  readonly token?: TokenOptions;
  /** Changes the healthy settings of the client. */
  readonly client?: Partial<Pick<OssClientOptions, 'region' | 'bucket' | 'signing' | 'endpoint'>>;
  /** Changes the credentials after they were issued. */
  readonly credentials?: Readonly<Record<string, string | undefined>>;
  /** Nobody gives credentials: the token endpoint or the presign function fails. */
  readonly tokenFails?: boolean;
  /** How far the clock of the device is ahead, ms. */
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

const refusal = (status: number, code: string, message = ''): readonly Instead[] => [{ status, code, message }];

/** One more case for each cause, different from the first. */
const OTHER_WAYS: readonly DoctorCase[] = [
  {
    name: 'the CORS rule allows the page at another port',
    rule: { allowedOrigins: ['https://www.example.com:8443', 'http://127.0.0.1:1'] },
    isCors: true,
    finds: ['answer-hidden'],
  },
  {
    name: 'the CORS rule has a slash after the origin',
    rule: { allowedOrigins: ['https://www.example.com/', 'http://127.0.0.1/'] },
    isCors: true,
    finds: ['answer-hidden'],
  },
  {
    name: 'the CORS rule is that of a simple upload: PUT and no POST',
    rule: { allowedMethods: ['PUT', 'GET', 'HEAD'] },
    isCors: true,
    finds: ['method-missing'],
    says: 'POST',
  },
  {
    name: 'the CORS rule allows POST only',
    rule: { allowedMethods: ['POST'] },
    isCors: true,
    finds: ['method-missing'],
    says: 'GET,HEAD',
  },
  {
    name: 'the CORS rule lists headers one by one, and none of the signature',
    rule: { allowedHeaders: ['content-type', 'range', 'cache-control'] },
    ways: ['header'],
    isCors: true,
    finds: ['preflight-refused'],
    says: 'authorization,x-oss-content-sha256,x-oss-date,x-oss-security-token',
  },
  {
    name: 'nobody answers preflights, and only the type of a first append needs one',
    faults: [always('OptionObject', { kind: 'gateway', status: 403 })],
    ways: ['query', 'presigned'],
    options: { contentType: 'image/png' },
    isCors: true,
    finds: ['preflight-refused'],
    says: 'content-type',
  },
  {
    name: 'the CORS rule lists the headers of the signature one by one, and not those of a first append',
    rule: { allowedHeaders: ['authorization', 'x-oss-date', 'x-oss-content-sha256', 'x-oss-security-token'] },
    options: {
      contentType: 'image/png',
      headers: { 'x-oss-meta-a': 'b', 'cache-control': 'no-cache', 'x-oss-storage-class': 'IA' },
    },
    isCors: true,
    finds: ['header-not-allowed'],
    says: 'x-oss-meta-a,cache-control,x-oss-storage-class,content-type',
  },
  {
    name: 'the CORS rule does not allow the date of the signature',
    rule: { allowedHeaders: ['authorization', 'x-oss-content-*', 'x-oss-security-token'] },
    ways: ['header'],
    isCors: true,
    finds: ['header-not-allowed'],
    says: 'x-oss-date',
  },
  {
    name: 'the CORS rule exposes the two headers of a simple upload',
    rule: { exposeHeaders: ['ETag', 'x-oss-request-id'] },
    isCors: true,
    finds: ['header-not-exposed'],
    says: 'Date,x-oss-err',
  },
  {
    name: 'the CORS rule hides the position of the next append',
    rule: { exposeHeaders: without('x-oss-next-append-position') },
    object: 'some bytes',
    isCors: true,
    finds: ['header-not-exposed'],
    says: 'x-oss-next-append-position',
  },
  {
    name: 'a network asks for a login with its page',
    instead: [{ status: 511, body: '<html>log in</html>', type: 'text/html', isForeign: true }],
    finds: ['not-oss'],
    says: 'HTTP 511',
  },
  {
    name: 'a portal answers GET and POST with JSON',
    instead: [{ status: 200, body: '{}', type: 'application/json', isForeign: true }],
    finds: ['not-oss'],
    says: 'HTTP 200',
  },
  {
    name: 'a proxy limits the body with an answer in JSON that a page may read',
    instead: [{ status: 413, over: 1_048_576, body: '{"limit":"1M"}', type: 'application/json', isForeign: true }],
    finds: ['body-limit'],
  },
  {
    name: 'a firewall refuses large bodies with its page',
    instead: [{ status: 403, over: 1_048_576, body: '<html>no</html>', type: 'text/html', isForeign: true }],
    finds: ['body-limit'],
  },
  {
    name: 'a CDN caches HEAD of an absent object',
    faults: [always('HeadObject', { kind: 'cached-head' })],
    finds: ['head-cached'],
  },
  {
    name: 'a server signs URLs that have expired',
    clock: -3_600_000,
    ways: ['presigned'],
    finds: ['clock-wrong'],
    says: 'URL',
  },
  {
    name: 'the credentials themselves say that they have expired',
    credentials: { expiration: '2020-01-01T00:00:00Z' },
    ways: ['header', 'query'],
    finds: ['token-expired'],
  },
  {
    name: 'the token has expired, and the code is that of STS',
    instead: refusal(403, 'InvalidSecurityToken.Expired', 'The security token you provided has expired.'),
    finds: ['token-expired'],
  },
  {
    name: 'the token belongs to another key',
    instead: refusal(403, 'AccessKeyIdAndSecurityTokenNotMatch'),
    finds: ['token-refused'],
    says: 'securityToken',
  },
  {
    name: 'the token is malformed',
    instead: refusal(403, 'InvalidSecurityToken.Malformed'),
    finds: ['token-refused'],
    says: 'securityToken',
  },
  {
    name: 'only appends have a wrong signature, because a proxy changes their headers',
    instead: [{ methods: ['POST'], status: 403, code: 'SignatureDoesNotMatch' }],
    finds: ['signature-wrong'],
    says: 'proxies',
  },
  {
    name: 'the bucket is in another region, and only the EC says so',
    instead: [{ status: 400, code: 'InvalidArgument', headers: { 'x-oss-ec': '0002-00000228' } }],
    finds: ['region-wrong'],
  },
  {
    name: 'OSS sends the request to the endpoint of another region with 301',
    instead: refusal(301, 'PermanentRedirect', 'The bucket must be addressed using the specified endpoint.'),
    finds: ['region-wrong'],
    inPage: ['not-oss'],
  },
  {
    name: 'a rule of the bucket redirects requests for absent objects',
    instead: [{ methods: ['GET'], status: 302, headers: { location: 'https://mirror.example.com/' } }],
    finds: ['refused'],
    inPage: ['not-oss'],
    says: 'HTTP ',
  },
  {
    name: 'the name of the bucket is not valid',
    instead: refusal(400, 'InvalidBucketName', 'The specified bucket is not valid.'),
    finds: ['bucket-missing'],
  },
  {
    name: 'the bucket belongs to another account',
    instead: refusal(403, 'AccessDenied', 'The bucket you access does not belong to you.'),
    finds: ['bucket-missing'],
    says: 'check bucket',
  },
  {
    name: 'only reading needs a custom domain',
    instead: [{ methods: ['GET', 'HEAD'], status: 400, code: 'PublicEndpointForbidden' }],
    finds: ['cname-needed'],
  },
  {
    name: 'the custom domain is that of another bucket',
    instead: refusal(403, 'CnameDenied'),
    finds: ['endpoint-wrong'],
    says: 'cname',
  },
  {
    name: 'the policy of the bucket forbids everything',
    instead: refusal(403, 'AccessDenied', 'Access denied by bucket policy.'),
    finds: ['no-permission'],
    says: 'bucket',
  },
  {
    name: 'the policy of the bucket forbids HEAD',
    instead: [{ methods: ['HEAD'], status: 403, code: 'AccessDenied', message: 'Access denied by bucket policy.' }],
    finds: ['permission-missing'],
    says: 'oss:GetObject',
  },
  {
    name: 'the bucket is suspended',
    instead: refusal(403, 'UserDisable', 'UserDisable'),
    finds: ['refused'],
    says: 'suspended',
  },
  {
    name: 'Block Public Access is on',
    instead: refusal(403, 'AccessDenied', 'Put public object acl is not allowed'),
    finds: ['refused'],
    says: 'private ACL',
  },
  {
    name: 'the requester must pay',
    instead: refusal(403, 'AccessDenied', 'Access denied for requester pay bucket.'),
    finds: ['refused'],
    says: 'requestPayer',
  },
  { name: 'OSS is busy all the time', instead: refusal(503, 'ServiceUnavailable'), finds: ['refused'], says: '503' },
  {
    name: 'OSS fails for HEAD only',
    instead: [{ methods: ['HEAD'], status: 500, code: 'InternalError' }],
    finds: ['refused'],
    says: '500',
  },
  ...(['GET', 'HEAD', 'POST'] as const).flatMap((method): DoctorCase[] => [
    {
      name: `OSS is busy once, at a ${method}`,
      instead: [{ methods: [method], times: 1, status: 503, code: 'TotalQpsLimitExceeded' }],
      finds: [],
    },
    {
      name: `a gateway fails once, at a ${method}`,
      instead: [{ methods: [method], times: 1, status: 502, body: '<html>', type: 'text/html', isForeign: true }],
      finds: [],
    },
  ]),
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
  ...OTHER_WAYS,
];

function policy(actions: readonly string[], prefix: string) {
  const Action = actions.map((action) => `oss:${action}`);
  return {
    Version: '1' as const,
    Statement: [{ Effect: 'Allow' as const, Action, Resource: [`acs:oss:*:*:logs/${prefix}`] }],
  };
}
