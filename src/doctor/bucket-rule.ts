/** The CORS rule that a bucket needs for pages of one origin, in the two forms in which OSS takes it. */

import { EXPOSED_HEADERS } from '../request/exposed-headers.ts';

/** A CORS rule. */
export interface BucketRule {
  /** The body of PutBucketCors. It replaces all rules of the bucket. */
  readonly xml: string;
  /** The fields of the OSS console (Create Rule), by their labels. A field with several values has one in each line. */
  readonly console: Readonly<Record<string, string>>;
}

const MAX_AGE = '7200';

/**
 * Returns the rule for one origin.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/putbucketcors
 */
export function bucketRule(origin: string): BucketRule {
  const methods = ['POST', 'HEAD', 'GET'];
  const fields = Object.entries({
    AllowedOrigin: [origin],
    AllowedMethod: methods,
    AllowedHeader: ['*'],
    ExposeHeader: EXPOSED_HEADERS,
    MaxAgeSeconds: [MAX_AGE],
  });
  const lines = fields.flatMap(([name, values]) => values.map((value) => `    <${name}>${value}</${name}>\n`));
  return {
    xml: `<CORSConfiguration>\n  <CORSRule>\n${lines.join('')}  </CORSRule>\n  <ResponseVary>true</ResponseVary>\n</CORSConfiguration>`,
    console: {
      Source: origin,
      'Allowed Methods': methods.join('\n'),
      'Allowed Headers': '*',
      'Exposed Headers': EXPOSED_HEADERS.join('\n'),
      'Cache Timeout (Seconds)': MAX_AGE,
      'Vary: Origin': 'true',
    },
  };
}
