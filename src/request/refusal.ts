/** Reads a refusal of OSS as an error. It hides how OSS reports errors: XML, a base64 header on HEAD, a gateway's HTML. */

import { readStart } from '../bytes.ts';
import { decimal } from '../check.ts';
import { ServiceError } from '../errors.ts';
import { harmless, redact } from '../redact.ts';

/** What was attempted, for messages: `append to "a.log" at position 10`. */
export type Attempted = string;

/** Reads a refusal. The body is read at most once and never shown as it is. */
export async function toServiceError(
  response: Response,
  attempted: Attempted,
  secrets: readonly string[],
): Promise<ServiceError> {
  const { headers, status } = response;
  const text = response.body ? await readStart(response.body) : '';
  const element = elements(text || decodeBase64(headers.get('x-oss-err') ?? ''));
  const name = (given: string | null | undefined) => harmless(given, secrets);
  const code = name(element('Code')) ?? `Http${status}`;
  const told = redact(element('Message') ?? '', secrets).replace(/\.$/, '');
  const hint = advice(code, told, name(element('Endpoint')));
  return new ServiceError(`Cannot ${attempted}: ${code} (HTTP ${status})${told && `: ${told}`}${hint}`, {
    code,
    status,
    requestId: name(headers.get('x-oss-request-id') ?? element('RequestId')),
    ec: name(headers.get('x-oss-ec') ?? element('EC')),
    position: decimal(headers.get('x-oss-next-append-position')),
    serverTime: serverTime(element('ServerTime')),
    retryAfter: retryAfter(headers),
  });
}

/** A time that OSS's clock can show. Another one would spoil every signature that follows. */
function serverTime(text = ''): number | undefined {
  const time = Date.parse(text);
  return time > Date.UTC(2020) && time < Date.UTC(2100) ? time : undefined;
}

/** HEAD has no body, so OSS writes its errors into a header. `atob` gives bytes as Latin-1; the message is UTF-8. */
function decodeBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch {
    return '';
  }
}

/**
 * Reads leaf elements of OSS's flat error document. Anything else, such as HTML, has no `Error` root and gives nothing. It looks at
 * each character a few times at most: a hostile answer must not hold the thread.
 */
function elements(xml: string): (name: string) => string | undefined {
  const body = /<Error[\s>]/.test(xml) ? xml : '';
  return (name) => {
    const start = body.indexOf(`<${name}>`) + name.length + 2;
    const end = body.indexOf('</', start);
    if (start < name.length + 2 || end < 0) return undefined;
    const found = body.slice(start, end).trim();
    if (found.includes('<')) return undefined;
    return found.replace(/&(\w{1,4});/g, (entity, name: string) => ENTITIES[name] ?? entity) || undefined;
  };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/** OSS says ms; HTTP says seconds, or a date, which only the answer's own date makes a delay. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  const seconds = decimal(text);
  const delay = seconds === undefined ? Date.parse(text ?? '') - Date.parse(headers.get('date') ?? '') : seconds * 1000;
  return decimal(headers.get('x-oss-qos-delay-time')) ?? (delay >= 0 ? delay : undefined);
}

/** What to do about the refusals that callers meet most. The first row that fits counts. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^AccessDenied .*endpoint/i, 'the bucket is in another region: set region and endpoint to the bucket’s'],
  [/^AccessDenied .*public access/i, 'Block Public Access is on: use a private or default ACL'],
  [/^AccessDenied .*referer/i, 'add the page’s address to the bucket’s Referer whitelist'],
  [/^AccessDenied/, 'check the RAM policy (oss:PutObject; oss:GetObject to read back) and the prefix it covers'],
  [/^SecurityTokenExpired/, 'give credentials as a function, so that they can be fetched again'],
  [/^InvalidAccessKeyId/, 'an STS key needs its securityToken'],
  [/^SignatureDoesNotMatch/, 'check accessKeySecret, region, and proxies that change headers'],
  [/^PublicEndpointForbidden/, 'bind a custom domain to the bucket, and give it as endpoint with cname: true'],
  [/^SecondLevelDomainForbidden/, 'leave out pathStyle; a custom domain needs cname: true'],
  [/^(NoSuchBucket|InvalidBucketName)/, 'check bucket, region and endpoint; a custom domain needs cname: true'],
  [/^(Http413|\w+TooLarge)/, 'a proxy on the way limits the length of a body (nginx: client_max_body_size)'],
  [/^(UserDisable|InDebt|BucketDisable)/, 'the account or bucket is suspended: see the OSS console'],
];

function advice(code: string, told: string, endpoint: string | undefined): string {
  const hint = HINTS.find(([pattern]) => pattern.test(`${code} ${told}`))?.[1];
  return hint ? `. Hint: ${hint}${endpoint ? ` (${endpoint})` : ''}` : '';
}
