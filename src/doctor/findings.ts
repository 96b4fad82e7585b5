/** The causes that the doctor knows: what it says about each one, and the step that mends it. docs/doctor.md shows the same table. */

import type { BucketRule } from './bucket-rule.ts';

/** A cause, for programs. */
export type FindingCode =
  | 'offline'
  | 'unreachable'
  | 'page-policy'
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
  | 'get-missing'
  | 'put-missing'
  | 'tagging-missing'
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

/** What the doctor says about each cause, and the cure. A word in braces stands for a fact. */
export const FINDINGS: Readonly<Record<FindingCode, readonly [says: string, mend: string]>> = {
  offline: ['This device has no network.', 'Connect it.'],
  unreachable: [
    'No connection to {host}: the name is wrong, or a firewall or an extension of the browser blocks it.',
    'Check region, bucket and endpoint. Then try another network.',
  ],
  'page-policy': ['The Content-Security-Policy of this page forbids {host}.', 'Add {host} to connect-src.'],
  'mixed-content': ['The page uses HTTPS, and {host} HTTP, so browsers block it.', 'Give an https endpoint.'],
  'http-page': [
    'The page uses HTTP, and a CORS rule for https does not allow {origin}.',
    'Open the page with HTTPS, or add {origin} to the rule.',
  ],
  'answer-hidden': [
    '{host} answers, but the page may not read it: no CORS rule allows {origin}, or bucket, region or endpoint is wrong, or a portal answers.',
    'Set the rule. If it is set, check bucket, region and endpoint, and open https://{host} in a tab.',
  ],
  'method-missing': ['The CORS rule does not allow {names}.', 'Add {names} to the allowed methods.'],
  'preflight-refused': [
    'The preflight is refused: the CORS rule allows no headers, or a CDN or proxy does not pass OPTIONS on.',
    'Set the rule, at the CDN too.',
  ],
  'header-not-allowed': ['The CORS rule does not allow {names}.', 'Allow the header *, or add {names}.'],
  'header-not-exposed': ['The CORS rule hides {names}.', 'Expose the headers of the rule.'],
  'not-oss': ['Something else answers in place of OSS: {why}.', 'Log in to the network, and check proxy and endpoint.'],
  'body-limit': [
    'A body of {size} bytes does not arrive: a proxy limits it.',
    'Raise its limit (nginx: client_max_body_size), or set a smaller segmentSize.',
  ],
  'head-cached': ['A CDN or proxy answers HEAD from its cache.', 'Let it cache nothing, or use the endpoint of OSS.'],
  'clock-wrong': [
    'The clock that signs is wrong: the time of OSS is {time}.',
    'Set the clock of the device, or of the server that signs.',
  ],
  'no-credentials': ['There are no usable credentials: {why}.', 'Check the token endpoint or the presign function.'],
  'token-expired': ['The token has expired.', 'Give credentials as a function that loads new ones.'],
  'token-refused': ['OSS does not know the key or its token ({why}).', 'Give all fields of one AssumeRole answer.'],
  'signature-wrong': [
    'The signature is wrong: accessKeySecret does not belong to the key, or a proxy changes requests.',
    'Copy the secret again. Then try without the proxy.',
  ],
  'no-permission': [
    'The token allows neither reading nor appending "{key}": it is for another prefix, or has no permission.',
    'Allow oss:PutObject and oss:GetObject for this key.',
  ],
  'get-missing': ['The token does not allow reading "{key}".', 'Allow oss:GetObject.'],
  'put-missing': ['The token does not allow appending to "{key}".', 'Allow oss:PutObject.'],
  'tagging-missing': ['The token does not allow tags.', 'Allow oss:PutObjectTagging.'],
  'bucket-missing': [
    'There is no such bucket at {host}.',
    'Check bucket and region. A custom domain needs cname: true.',
  ],
  'region-wrong': ['The bucket is in another region ({why}).', 'Give its region, and its endpoint.'],
  'endpoint-wrong': [
    'OSS does not serve the bucket at {host} ({why}).',
    'Leave out pathStyle. Bind the custom domain.',
  ],
  'cname-needed': [
    'OSS refuses its public endpoint for this account.',
    'Bind a custom domain, and give it as endpoint with cname: true.',
  ],
  refused: ['OSS refuses: {why}.', 'See the code in the documents of OSS.'],
};

/** Fills the words in braces. A fact that is missing stays visible in braces, so that a test finds it. */
export function makeFinding(code: FindingCode, facts: Readonly<Record<string, string>>, rule?: BucketRule): Finding {
  const [says, mend] = FINDINGS[code].map((text) => text.replace(/\{(\w+)\}/g, (all, name) => facts[name] ?? all));
  return { code, says: says as string, mend: mend as string, ...(rule && { rule }), facts };
}
