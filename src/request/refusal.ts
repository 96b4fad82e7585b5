/**
 * Turns a refusal of OSS into an error. OSS reports errors as XML, or in a base64 header for HEAD, and a gateway
 * answers with HTML.
 */

import { readStart } from '../bytes.ts';
import { ServiceError } from '../errors.ts';
import { parseDecimal } from '../numbers.ts';
import { harmless, redact } from '../redact.ts';
import { ADVICE } from './advice.ts';

/** What was attempted, for messages: `append to "a.log" at position 10`. */
export type Attempted = string;

/** Turns a refusal into an error. The body is read at most once, and only its known elements are shown. */
export async function toServiceError(
  response: Response,
  attempted: Attempted,
  secrets: readonly string[],
): Promise<ServiceError> {
  const { headers, status } = response;
  const element = elements((await readStart(response.body)) || decodeBase64(headers.get('x-oss-err') ?? ''));
  const name = (given: string | null | undefined) => harmless(given, secrets);
  const code = name(element('Code')) ?? `Http${status}`;
  const message = redact(element('Message') ?? '', secrets).replace(/\.$/, '');
  const hint = hintFor(`${code} ${message}`, name(element('Endpoint')));
  return new ServiceError(`Cannot ${attempted}: ${code} (HTTP ${status})${message && `: ${message}`}${hint}`, {
    code,
    status,
    requestId: name(headers.get('x-oss-request-id') ?? element('RequestId')),
    ec: name(headers.get('x-oss-ec') ?? element('EC')),
    position: parseDecimal(headers.get('x-oss-next-append-position')),
    serverTime: serverTime(element('ServerTime')),
    retryAfter: retryAfter(headers),
  });
}

/** Returns a time that OSS's clock can show. A wrong time would spoil all later signatures. */
function serverTime(text = ''): number | undefined {
  const time = Date.parse(text);
  return time > Date.UTC(2020) && time < Date.UTC(2100) ? time : undefined;
}

/**
 * An answer to HEAD has no body, so OSS writes the error into a header. `atob` returns bytes as Latin-1, but the
 * message is UTF-8.
 */
function decodeBase64(text: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  } catch {
    return '';
  }
}

/**
 * Returns a function that reads the leaf elements of OSS's flat error document. Other text, such as HTML, has no
 * `Error` root and gives nothing. Each character is read only a few times, so a hostile answer cannot block the event
 * loop.
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

/**
 * Returns the wait that the answer asks for, ms. OSS gives ms. HTTP gives seconds, or a date; the date is compared with
 * the date of the answer, because the local clock may be wrong.
 */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get('retry-after');
  const seconds = parseDecimal(text);
  const delay = seconds === undefined ? Date.parse(text ?? '') - Date.parse(headers.get('date') ?? '') : seconds * 1000;
  return parseDecimal(headers.get('x-oss-qos-delay-time')) ?? (delay >= 0 ? delay : undefined);
}

/** Returns the advice for a refusal, as the end of a message. */
function hintFor(refusal: string, endpoint: string | undefined): string {
  const found = Object.keys(ADVICE).find((start) => new RegExp(`^(${start})`, 'i').test(refusal));
  return found ? `. Hint: ${ADVICE[found]}${endpoint ? ` (${endpoint})` : ''}` : '';
}
