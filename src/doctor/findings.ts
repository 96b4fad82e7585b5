/**
 * The causes that the doctor knows, with a sentence about each cause and the step that solves the problem.
 * docs/doctor.md shows the same table.
 */

import { type BucketRule, bucketRule } from './bucket-rule.ts';

/** A cause, for programs. */
export type FindingCode =
  | 'offline'
  | 'unreachable'
  | 'mixed-content'
  | 'http-page'
  | 'answer-hidden'
  | 'method-missing'
  | 'preflight-refused'
  | 'header-not-allowed'
  | 'header-not-exposed'
  | 'not-oss'
  | 'body-limit'
  | 'head-cached'
  | 'clock-wrong'
  | 'no-credentials'
  | 'token-expired'
  | 'token-refused'
  | 'signature-wrong'
  | 'no-permission'
  | 'permission-missing'
  | 'bucket-missing'
  | 'region-wrong'
  | 'endpoint-wrong'
  | 'cname-needed'
  | 'refused';

/** One cause that was found. */
export interface Finding {
  readonly code: FindingCode;
  /** What is wrong, in one sentence. */
  readonly says: string;
  /** The step that solves the problem. */
  readonly mend: string;
  /** The CORS rule that the bucket needs, if a rule solves the problem. */
  readonly rule?: BucketRule | undefined;
  readonly facts: Facts;
}

/** The values for the words in braces, such as `{host}`. With them, a page can show the texts in another language. */
export type Facts = Readonly<{
  host: string;
  /** The origin of the page, or `*` if there is no page. */
  origin: string;
  key: string;
  /** What OSS or another server answered, or which headers, methods or permissions are missing. */
  what: string;
  /** The cure that the client knows for a refusal of OSS. */
  hint: string;
}>;

type Row = readonly [says: string, mend: string, form?: RegExp | undefined];

/** OSS itself says why it refuses. Often the client knows the cure. */
const refused = (form: RegExp, mend = 'Hint: {hint}.'): Row => ['OSS refuses: {what}.', mend, form];

const denied = (form?: RegExp): Row => [
  'The token does not allow {what} for {key}.',
  'Check the RAM policy, its prefix and the bucket policy.',
  form,
];

/**
 * What the doctor says about each cause, and the cure. A word in braces stands for a fact. `form` is for refusals of
 * OSS: the first row that fits `code EC message` counts.
 */
export const FINDINGS: Readonly<Record<FindingCode, Row>> = {
  offline: ['The device is offline.', 'Connect it.'],
  unreachable: [
    '{host} does not answer.',
    'Check bucket, region and endpoint (a custom domain needs cname: true), the firewall, and in a page extensions and connect-src.',
  ],
  'mixed-content': ['The page has HTTPS, but the endpoint has no HTTPS.', 'Give an endpoint with HTTPS.'],
  'http-page': ['The page has no HTTPS, so no CORS rule for https allows {origin}.', 'Open the page with HTTPS.'],
  'answer-hidden': [
    '{host} answers, but no CORS rule allows {origin}, or a portal answers.',
    'Check bucket, region and endpoint. Set the rule.',
  ],
  'method-missing': ['The CORS rule does not allow {what}.', 'Set the rule.'],
  'preflight-refused': ['The CORS rule does not allow {what}, or a CDN or proxy refuses OPTIONS.', 'Set the rule.'],
  'header-not-allowed': ['The CORS rule does not allow {what}.', 'Set the rule.'],
  'header-not-exposed': ['The CORS rule does not expose {what}.', 'Set the rule.'],
  'not-oss': [
    'A portal or proxy answers, not OSS: {what}.',
    'Log in to the network, or check proxies and the endpoint.',
  ],
  'body-limit': ['A proxy limits the body: it refuses {what} bytes.', 'Raise its limit.', /TooLarge/],
  'head-cached': ['A CDN or proxy caches HEAD.', 'Turn this cache off.'],
  'no-credentials': ['There are no credentials ({what}).', 'Check the token endpoint or presign.'],
  'permission-missing': denied(),
  'clock-wrong': [
    'The clock of the signing device is wrong, or the signed URL is old.',
    'Set the clock, or sign a new URL.',
    /Skewed|^Acc.*expired/,
  ],
  'token-expired': [
    'The token has expired.',
    'Give credentials as a function that loads a new securityToken.',
    /Token\.?Expired/,
  ],
  'token-refused': refused(/^InvalidAcc|SecurityToken/, 'Check accessKeyId and securityToken.'),
  'signature-wrong': refused(/^SignatureDoes/),
  'region-wrong': refused(/specified endpoint|0002-0000022[68]/),
  'bucket-missing': refused(/^NoSuchBucket|^InvalidBucket|belong to you/),
  'cname-needed': refused(/^PublicEndpoint/),
  'endpoint-wrong': refused(/^SecondLevel|^Cname/, 'Leave out pathStyle (a custom domain needs cname: true).'),
  'no-permission': denied(/^(AccessDenied|Http403)(?!.*(referer|public|requester))/i),
  // A healthy bucket refuses to read an absent key, and to append at a position that no object has.
  refused: refused(/^(?!NoSuchKey|PositionNotEqual|Http40[49])/),
};

/** Returns the cause of a refusal, written as `code EC message`. A healthy bucket refuses some requests, without a cause. */
export function causeOf(refusal: string): FindingCode | undefined {
  return (Object.keys(FINDINGS) as FindingCode[]).find((code) => FINDINGS[code][2]?.test(refusal));
}

/** Fills the words in braces. */
export function makeFinding(code: FindingCode, facts: Facts): Finding {
  const [says, mend] = FINDINGS[code];
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: keyof Facts) => facts[name]);
  return {
    code,
    says: fill(says),
    mend: fill(mend),
    facts,
    rule: / rule/.test(mend) ? bucketRule(facts.origin) : undefined,
  };
}
