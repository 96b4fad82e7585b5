/** The CORS rule that a bucket needs for pages of one origin, in the two forms in which OSS takes it. */

import { EXPOSED_HEADERS } from '../request/exposed-headers.ts';

/** The methods that the rule allows, in the order in which the doctor tries them. */
export const METHODS = ['GET', 'HEAD', 'POST'] as const;

/** A CORS rule. */
export interface BucketRule {
  /** The body of PutBucketCors. It replaces all rules of the bucket. */
  readonly xml: string;
  /** The fields of the OSS console (Create Rule), by their labels. A field with several values has one in each line. */
  readonly console: Readonly<Record<string, string>>;
}

/**
 * Returns the rule for one origin.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/putbucketcors
 */
export function bucketRule(origin: string): BucketRule {
  const fields: readonly (readonly [element: string, label: string, values: string])[] = [
    ['AllowedOrigin', 'Source', origin],
    ['AllowedMethod', 'Allowed Methods', METHODS.join('\n')],
    ['AllowedHeader', 'Allowed Headers', '*'],
    ['ExposeHeader', 'Exposed Headers', EXPOSED_HEADERS.join('\n')],
    ['MaxAgeSeconds', 'Cache Timeout (Seconds)', '7200'],
  ];
  const elements = fields.map(([element, , values]) => values.replace(/.+/g, `<${element}>$&</${element}>`)).join('\n');
  // In the console, each rule has the setting `Vary: Origin`. In XML, it is one element beside all rules.
  return {
    xml: `<CORSConfiguration><CORSRule>\n${elements}\n</CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>`,
    console: { ...Object.fromEntries(fields.map(([, ...field]) => field)), 'Vary: Origin': 'true' },
  };
}
