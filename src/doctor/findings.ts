/** The causes that the doctor knows: what it says about each one, and the step that mends it. docs/doctor.md shows the same table. */

import type { BucketRule } from './bucket-rule.ts';

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
  /** The step that mends it. */
  readonly mend: string;
  /** The CORS rule that the bucket needs, where a rule is the cure. */
  readonly rule?: BucketRule;
  /** The words in `says` and `mend` that belong to this page: `host`, `origin`, `key`, `names`, `time`, `why`. For translations. */
  readonly facts: Readonly<Record<string, string>>;
}

type Row = readonly [says: string, mend: string, form?: RegExp | undefined];

/** OSS itself says why it refuses, and the client knows the cure. */
const refused = (form: RegExp): Row => ['OSS refuses: {what}.', 'Hint: {hint}.', form];

const denied = (form?: RegExp): Row => [
  'The token does not allow {what} for {key}, or is for another prefix.',
  'Allow it in the policy.',
  form,
];

/**
 * What the doctor says about each cause, and the cure. A word in braces stands for a fact. `form` is for refusals of
 * OSS: the first row that fits `code EC message` counts.
 */
export const FINDINGS: Readonly<Record<FindingCode, Row>> = {
  offline: ['The device has no network.', 'Connect it.'],
  unreachable: [
    'No connection to {host}.',
    'Check bucket, region and endpoint. Look for what blocks it: firewall, extension, connect-src.',
  ],
  'mixed-content': ['A page with HTTPS cannot use {host} without HTTPS.', 'Give an https endpoint.'],
  'http-page': ['A CORS rule for https does not allow {origin}.', 'Open the page with HTTPS.'],
  'answer-hidden': [
    '{host} answers, but the page may not see it: no CORS rule allows {origin}, or bucket, region or endpoint is wrong, or a portal answers.',
    'Set the rule. Check bucket, region and endpoint.',
  ],
  'method-missing': ['The CORS rule does not allow {what}.', 'Set the rule.'],
  'preflight-refused': [
    'The CORS rule allows no headers, or a CDN or proxy refuses OPTIONS.',
    'Set the rule, at the CDN too.',
  ],
  'header-not-allowed': ['The CORS rule does not allow {what}.', 'Set the rule.'],
  'header-not-exposed': ['The CORS rule hides {what}.', 'Set the rule.'],
  'not-oss': ['A portal or proxy answers in place of OSS: {what}.', 'Log in to the network, or check the proxy.'],
  'body-limit': ['A proxy refuses a body of {what} bytes.', 'Raise its limit.'],
  'head-cached': ['A CDN or proxy caches HEAD.', 'Turn this cache off.'],
  'no-credentials': ['There are no credentials: {what}.', 'Check the token endpoint or the presign function.'],
  'permission-missing': denied(),
  'clock-wrong': ['The clock that signs is wrong: OSS has {what}.', 'Set the clock.', /^Req.*Skewed|^Acc.*expired/],
  'token-expired': ['The token has expired.', 'Give credentials as a function.', /^SecurityTokenExpired/],
  'token-refused': refused(/^InvalidAcc|^\w*SecurityToken/),
  'signature-wrong': refused(/^SignatureDoes/),
  'region-wrong': refused(/^Acc.*endpoint|0002-0000022[68]/i),
  'bucket-missing': refused(/^NoSuchBucket|^InvalidBucket/),
  'cname-needed': refused(/^PublicEndpoint/),
  'endpoint-wrong': refused(/^SecondLevel|^CnameDenied/),
  'no-permission': denied(/^(AccessDenied|Http403) (?!.*(referer|public access))/i),
  refused: refused(/./),
};

/** The answers of a healthy bucket: to a read of an absent key, and to an append at a position that no object has. */
const HEALTHY = /^(NoSuchKey|PositionNotEqual|Http40[49])/;

/** Returns the cause of a refusal, written as `code EC message`. A healthy bucket refuses some requests, without a cause. */
export function causeOf(refusal: string): FindingCode | undefined {
  if (HEALTHY.test(refusal)) return undefined;
  return (Object.keys(FINDINGS) as FindingCode[]).find((code) => FINDINGS[code][2]?.test(refusal));
}

/** Fills the words in braces. */
export function makeFinding(code: FindingCode, facts: Readonly<Record<string, string>>, rule?: BucketRule): Finding {
  const [says, mend] = FINDINGS[code];
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? '');
  return { code, says: fill(says), mend: fill(mend), facts, ...(rule && { rule }) };
}
