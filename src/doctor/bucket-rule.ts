/** The CORS rule that a bucket needs for pages of one origin, in the two forms in which OSS takes it. */

import { EXPOSED_HEADERS } from '../request/exposed-headers.ts';

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
  const fields: readonly (readonly [element: string, label: string, values: readonly string[]])[] = [
    ['AllowedOrigin', 'Source', [origin]],
    ['AllowedMethod', 'Allowed Methods', ['GET', 'HEAD', 'POST']],
    ['AllowedHeader', 'Allowed Headers', ['*']],
    ['ExposeHeader', 'Exposed Headers', EXPOSED_HEADERS],
    ['MaxAgeSeconds', 'Cache Timeout (Seconds)', ['7200']],
  ];
  const elements = fields.flatMap(([element, , values]) =>
    values.map((value) => `<${element}>${value}</${element}>\n`),
  );
  return {
    xml: `<CORSConfiguration><CORSRule>\n${elements.join('')}</CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>`,
    console: {
      ...Object.fromEntries(fields.map(([, label, values]) => [label, values.join('\n')])),
      'Vary: Origin': 'true',
    },
  };
}
