/** The CORS rule that a bucket needs for the page. The README recommends the same rule. */
import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import type { CorsRule } from '../../src/testing/index.ts';

/** Makes the rule for the pages of some origins. */
export function corsRule(origins: readonly string[]): CorsRule {
  return {
    allowedOrigins: origins,
    allowedMethods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['*'],
    exposeHeaders: EXPOSED_HEADERS,
    maxAgeSeconds: 600,
  };
}

/** Writes a rule as the XML of PutBucketCors, which the console of OSS shows too. Browsers and caches need the `Vary`. */
export function corsRuleXml(rule: CorsRule): string {
  const { allowedOrigins, allowedMethods, allowedHeaders = [], exposeHeaders = [], maxAgeSeconds = 0 } = rule;
  const list = (name: string, values: readonly string[]) => values.map((value) => `    <${name}>${value}</${name}>`);
  return [
    '<CORSConfiguration>',
    '  <CORSRule>',
    ...list('AllowedOrigin', allowedOrigins),
    ...list('AllowedMethod', allowedMethods),
    ...list('AllowedHeader', allowedHeaders),
    ...list('ExposeHeader', exposeHeaders),
    `    <MaxAgeSeconds>${maxAgeSeconds}</MaxAgeSeconds>`,
    '  </CORSRule>',
    '  <ResponseVary>true</ResponseVary>',
    '</CORSConfiguration>',
  ].join('\n');
}
