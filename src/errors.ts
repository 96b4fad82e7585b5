/**
 * What can go wrong, as data. One family, `OssError`; a subclass only where the caller gets different facts.
 * This file also hides how OSS reports an error (XML, a base64 header on HEAD, a gateway's HTML) and keeps
 * secrets out of everything that can be printed: OSS echoes tokens, and some runtimes put whole URLs in messages.
 */

/** The end of an object: its length in bytes and, where known, the CRC-64 of everything before it (decimal, as in OSS's header). */
export interface ObjectTail {
  readonly position: number;
  readonly hashCrc64ecma?: string;
}

/**
 * What is known of the segment that was under way when an append failed.
 *
 * - `absent`: it is not stored and will not be: nothing was sent, or other bytes were seen in its place.
 * - `stored`: the object holds these bytes in this place, and at least one request with them got no answer. Where more bytes
 *   follow, another writer's longer request may have begun with the same bytes: nobody can tell.
 * - `unknown`: it may be stored now, or may still become so. `AppendableObject.settle` finds out.
 */
export type Outcome = 'absent' | 'stored' | 'unknown';

/** Facts that an error may carry beside its message. */
export interface OssErrorInit {
  readonly code: string;
  readonly cause?: unknown;
}

/**
 * The base of every failure that is not the caller's mistake (those are `TypeError` and `RangeError`).
 *
 * @example
 * ```ts
 * import { type AppendableObject, OssError } from 'oss-append';
 *
 * async function appendOrReport(object: AppendableObject, file: File) {
 *   try {
 *     await object.append(file);
 *   } catch (error) {
 *     if (!(error instanceof OssError)) throw error;
 *     console.warn(error.code, error.outcome, error.tail?.position, error.loaded);
 *   }
 * }
 * ```
 */
export class OssError extends Error {
  /** Spelled out, here and below: minifiers rename classes. */
  override readonly name: string = 'OssError';
  /** For machines: OSS's own code (`AccessDenied`), or one of this library's. */
  readonly code: string;
  /** After a failed append: the last confirmed tail of the object. */
  declare readonly tail?: ObjectTail;
  /** After a failed append: whether the segment under way is stored. */
  declare readonly outcome?: Outcome;
  /** After a failed append: bytes of this call's source that are confirmed stored. */
  declare readonly loaded?: number;

  constructor(message: string, { code, ...rest }: OssErrorInit) {
    super(message, 'cause' in rest ? { cause: withoutSecrets(rest.cause) } : undefined);
    this.code = code;
  }
}

/** Facts of a refusal by OSS. */
export interface ServiceErrorInit extends OssErrorInit {
  readonly status: number;
  readonly requestId?: string | undefined;
  readonly ec?: string | undefined;
  readonly position?: number | undefined;
  readonly serverTime?: number | undefined;
  readonly retryAfter?: number | undefined;
}

/**
 * OSS (or a gateway before it) answered, and the answer is no.
 *
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/error-responses
 */
export class ServiceError extends OssError {
  override readonly name: string = 'ServiceError';
  /** HTTP status. */
  readonly status: number;
  /** `x-oss-request-id`: what Alibaba Cloud's support asks for. */
  readonly requestId: string | undefined;
  /** OSS's finer error code, such as `0026-00000016`. For reading: it may change, so do not branch on it. */
  readonly ec: string | undefined;
  /** The object's length in bytes, where a 409 carries it. */
  readonly position: number | undefined;
  /** OSS's clock, ms since the epoch, where the answer carries it. */
  readonly serverTime: number | undefined;
  /** How long OSS asks us to wait, ms. */
  readonly retryAfter: number | undefined;

  constructor(message: string, init: ServiceErrorInit) {
    super(message, init);
    this.status = init.status;
    this.requestId = init.requestId;
    this.ec = init.ec;
    this.position = init.position;
    this.serverTime = init.serverTime;
    this.retryAfter = init.retryAfter;
  }
}

/**
 * No usable answer: the network, a time-out, a CORS refusal (which browsers do not tell apart from a dead network),
 * or something that is not OSS. `code` is `NetworkError`, `TimeoutError` or `UnexpectedResponse`.
 */
export class TransportError extends OssError {
  override readonly name: string = 'TransportError';
}

/** Facts of a conflict. */
export interface AppendConflictInit extends OssErrorInit {
  /** Where the segment was to go, bytes. */
  readonly position: number;
  /** Its length, bytes. */
  readonly size: number;
  /** The object's length as it was found, bytes; `undefined` where there is no such object. */
  readonly found?: number | undefined;
}

/** The object is not what it was when we last confirmed it: another writer, a deletion, a replacement. `code` is `AppendConflict`. */
export class AppendConflictError extends OssError {
  override readonly name: string = 'AppendConflictError';
  /** Where our segment was to go, bytes. */
  readonly position: number;
  /** The length of our segment, bytes. */
  readonly size: number;
  /** The object's length as it was found, bytes; `undefined` where there is no such object. */
  readonly found: number | undefined;

  constructor(message: string, init: AppendConflictInit) {
    super(message, init);
    this.position = init.position;
    this.size = init.size;
    this.found = init.found;
  }
}

/** Facts of a failed check. */
export interface ChecksumErrorInit extends OssErrorInit {
  readonly position: number;
  readonly expected: string;
  readonly actual: string;
}

/** The bytes that OSS holds are not the bytes that were sent: the object is damaged from `position` on. `code` is `ChecksumMismatch`. */
export class ChecksumError extends OssError {
  override readonly name: string = 'ChecksumError';
  /** First byte of the segment that is damaged. */
  readonly position: number;
  /** CRC-64 that the object should have, decimal. */
  readonly expected: string;
  /** CRC-64 that it has, decimal. */
  readonly actual: string;

  constructor(message: string, init: ChecksumErrorInit) {
    super(message, init);
    this.position = init.position;
    this.expected = init.expected;
    this.actual = init.actual;
  }
}

/** The source could not be read to its end: a file that changed since it was picked, a stream that failed. `cause` says why. */
export class SourceError extends OssError {
  override readonly name: string = 'SourceError';

  constructor(message: string, init: OssErrorInit) {
    super(message, init);
    // The caller's own, as it was: theirs to tell apart.
    if ('cause' in init) this.cause = init.cause;
  }
}

/** No usable credentials: loading them failed, they are malformed or out of date, or a presign function gave no URL. */
export class CredentialsError extends OssError {
  override readonly name: string = 'CredentialsError';
  /** A request of the same call was sent before, and refused. */
  declare readonly sent?: boolean;
}

/** What a failed append knows, added to its error. */
export interface AppendFacts {
  readonly tail?: ObjectTail | undefined;
  readonly outcome: Outcome;
  readonly loaded: number;
}

/**
 * Adds to an error what the engine knows of the append that it ended. An error that has ended another append before (a
 * refresh that failed for two) is copied. Other thrown values pass as they are.
 */
export function withAppendFacts(error: unknown, { tail, ...facts }: AppendFacts): unknown {
  if (!(error instanceof OssError)) return error;
  const known = tail ? { ...facts, tail } : facts;
  if (!('outcome' in error)) return Object.assign(error, known);
  const copy = Reflect.construct(error.constructor, [error.message, { ...error, cause: error.cause }]);
  return Object.assign(copy, { tail: undefined }, known);
}

/** A failed append whose outcome could not be found out: the failure that began it, with what kept us from looking. */
export function unproven(failure: unknown, reading: OssError): unknown {
  if (!(failure instanceof OssError)) return failure;
  const permission =
    reading instanceof ServiceError && reading.status === 403 ? ' (reading it back needs oss:GetObject)' : '';
  failure.message += `. Whether these bytes are stored could not be proven${permission}: ${reading.message}`;
  failure.cause ??= reading;
  return failure;
}

/** @throws TypeError, a caller's mistake, unless this holds. */
export function checkType(holds: unknown, problem: string): void {
  if (!holds) throw new TypeError(problem);
}

/** @throws RangeError that names the option and its value, unless this holds. */
export function checkRange(holds: unknown, name: string, wanted: string, value: unknown): void {
  if (!holds) throw new RangeError(`${name} must be ${wanted}, not ${value}`);
}

/** @throws TypeError for what is neither a function nor left out. */
export function checkFunction(name: string, value: unknown): void {
  checkType(value === undefined || typeof value === 'function', `${name} must be a function`);
}

/** @throws RangeError for what does not count anything. */
export function checkWhole(name: string, value: number, least = 0): void {
  checkRange(Number.isSafeInteger(value) && value >= least, name, `a whole number from ${least}`, value);
}

/** @throws TypeError for what is no object. */
export function checkObject(name: string, value: unknown): void {
  checkType(typeof value === 'object' && value !== null, `${name} must be an object`);
}

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

/** The beginning of a body as text. What is longer is no answer of OSS, and is not read. */
export async function readStart(body: ReadableStream<Uint8Array>, most = 65_536): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value.subarray(0, most), { stream: true });
    if (text.length < most) continue;
    reader.cancel().catch(() => {});
    return text.slice(0, most);
  }
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

/** A header's whole number. */
export function decimal(text: string | null): number | undefined {
  const number = text && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

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

/** Sixteen or more characters as keys and tokens have them: capitals, small letters and digits without a space. */
const OPAQUE = /[\w+/%~-]{16,}={0,2}/g;

function isOpaque(run: string): boolean {
  return /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run);
}

/** What stands for a secret in a text: itself, and percent-encoded. */
function cut(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter(Boolean).flatMap((secret) => [secret, encodeURIComponent(secret)]);
  return forms.reduce((rest, form) => rest.replaceAll(form, '[redacted]'), text);
}

/** A short name, such as a code or a request id. Anything that could be a secret is dropped, whoever sent it. */
export function harmless(text: string | null | undefined, secrets: readonly string[] = []): string | undefined {
  const isName = typeof text === 'string' && /^[\w.-]{1,50}$/.test(text) && cut(text, secrets) === text;
  return isName && (text.length < 16 || !isOpaque(text)) ? text : undefined;
}

/** An address without what may be secret in it: user, password, query and fragment. */
export function plainUrl(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
}

/** Cuts out of a text: secrets, what is named like one or looks like one, and of URLs all but scheme, host and path. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return redactUrls(cut(text.slice(0, 4096), secrets))
    .replace(
      /((?:security-?token|key-?secret|signature|credential)[\\"']{0,3}\s{0,3}[:=>]{1,3}[\s\\"']{0,3})[^\s&<"',;]+/gi,
      '$1[redacted]',
    )
    .replace(OPAQUE, (run) => (isOpaque(run) ? '[redacted]' : run));
}

function redactUrls(text: string): string {
  return text.replace(
    /\b([a-z]{2,10}:\/\/)(?:[^\s/?#'"<>@]{0,200}@)?([^\s?#'"<>]*)([?#][^\s'"<>]*)?/gi,
    (_, scheme: string, rest: string, secret?: string) => `${scheme}${rest}${secret ? '?[redacted]' : ''}`,
  );
}

/**
 * What a cause may show: an error as a plain copy of its harmless parts, redacted text, and of anything else only what kind of
 * thing it is. Errors of some runtimes (Deno, Bun) quote the URL with its signature, and those of fetch wrappers carry the request.
 */
export function withoutSecrets(cause: unknown, secrets: readonly string[] = [], depth = 0): unknown {
  if (typeof cause === 'string') return redact(cause, secrets);
  if (Object(cause) !== cause || cause instanceof OssError) return cause;
  try {
    return isError(cause) && depth < 5
      ? copyOf(cause, secrets, depth)
      : Object.prototype.toString.call(cause).slice(0, 50);
  } catch {
    // A getter threw.
    return 'unreadable';
  }
}

function copyOf(error: Error & { readonly code?: unknown }, secrets: readonly string[], depth: number): Error {
  const { name, message, stack, code, cause } = error;
  const init = cause === undefined ? undefined : { cause: withoutSecrets(cause, secrets, depth + 1) };
  const copy = new Error(redact(message, secrets), init);
  // What a runtime says in a code, such as ECONNREFUSED, it may say nowhere else.
  const shown = typeof code === 'string' ? harmless(code, secrets) : undefined;
  if (shown) Object.assign(copy, { code: shown });
  const frames = redactUrls(cut(String(stack ?? ''), secrets))
    .split('\n')
    .filter((line) => /^\s+at |@/.test(line));
  return Object.assign(copy, {
    name: harmless(String(name)) ?? 'Error',
    stack: [`${name}: ${copy.message}`, ...frames].join('\n'),
  });
}

/** By its shape: it may come from another realm. */
function isError(value: unknown): value is Error {
  return typeof (value as Partial<Error> | null)?.message === 'string';
}
