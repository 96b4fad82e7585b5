/** The steps of the doctor. Each step sends a few harmless requests, and the order of the steps tells the causes apart. */

import { CredentialsError, OssError, ServiceError, TransportError } from '../errors.ts';
import type { OssClient } from '../request/client.ts';
import { appendHeaders } from '../request/headers.ts';
import type { ObjectHead } from '../request/operations.ts';
import type { PresignedClient } from '../request/presigned.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { withDeadline } from '../waiting/deadline.ts';
import { bucketRule } from './bucket-rule.ts';
import { type Finding, type FindingCode, makeFinding } from './findings.ts';
import type { DoctorOptions } from './options.ts';
import { type Answer, type Method, Probe, type ProbeRequest } from './probe.ts';

/** The headers of a header-signed request. A page sends a preflight for them. */
const SIGNATURE = ['authorization', 'x-oss-content-sha256', 'x-oss-date', 'x-oss-security-token'];

const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST'];

/** OSS accepts a clock that is wrong by less, ms. */
const MAX_SKEW = 900_000;

/** Time-out of one request, ms. */
const TIMEOUT = 10_000;

const LINE = 'oss-append: the doctor was here\n';

type Facts = Readonly<Record<string, string>>;

type Answers = Partial<Record<Method, Answer | undefined>>;

/** The causes of refusals. The first row that fits `code EC: message` is used. */
const CAUSES: readonly (readonly [RegExp, FindingCode | undefined])[] = [
  // The answers of a healthy bucket: to a read of an absent key, and to an append at a position that no object has.
  [/^(NoSuchKey|PositionNotEqualToLength|Http404|Http409) /, undefined],
  [/^(RequestTimeTooSkewed|AccessDenied .*expired)/, 'clock-wrong'],
  [/^SecurityTokenExpired/, 'token-expired'],
  [/^(InvalidAccessKeyId|.*SecurityToken)/, 'token-refused'],
  [/^SignatureDoesNotMatch/, 'signature-wrong'],
  [/^AccessDenied .*endpoint|^\w+ 0002-0000022[68]/i, 'region-wrong'],
  [/^(NoSuchBucket|InvalidBucketName)/, 'bucket-missing'],
  [/^PublicEndpointForbidden/, 'cname-needed'],
  [/^(SecondLevelDomainForbidden|CnameDenied)/, 'endpoint-wrong'],
  [/^(AccessDenied|Http403) (?!.*(referer|public access))/i, 'no-permission'],
  [/./, 'refused'],
];

export class Examination {
  readonly findings: Finding[] = [];
  readonly #client: OssClient | PresignedClient;
  readonly #key: string;
  readonly #options: DoctorOptions;
  readonly #origin: string | undefined;
  readonly #probe: Probe;
  #isForbidden = false;

  constructor(client: OssClient | PresignedClient, key: string, options: DoctorOptions) {
    const { timeout = TIMEOUT, fetch, presign, signal, origin = globalThis.location?.origin } = options;
    this.#client = client;
    this.#key = key;
    this.#options = options;
    this.#origin = origin;
    this.#probe = new Probe(client, { key, fetch, presign, timeout, signal, clock: client.retry.clock });
  }

  async run(): Promise<void> {
    const forbid = () => {
      this.#isForbidden = true;
    };
    globalThis.addEventListener?.('securitypolicyviolation', forbid);
    try {
      await this.#examine();
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      this.#report(error.code === 'CredentialsExpired' ? 'token-expired' : 'no-credentials', { why: error.message });
    } finally {
      globalThis.removeEventListener?.('securitypolicyviolation', forbid);
    }
  }

  async #examine(): Promise<void> {
    const answers = await this.#askWithRightClock();
    if (this.#isMixed()) return this.#report('mixed-content');
    const readable = METHODS.flatMap((method) => answers[method] ?? []);
    const [first] = readable;
    if (!first) return this.#explainSilence();
    const foreign = readable.find((answer) => answer.foreign)?.foreign;
    if (foreign) return this.#report('not-oss', { why: foreign });
    const missing = METHODS.filter((method) => !answers[method]).join(', ');
    if (missing && first.isCors) this.#report('method-missing', { names: missing });
    else if (missing) this.#report('not-oss', { why: `no answer to ${missing}` });
    if (!this.#judge(answers)) return;
    this.#findHidden(answers);
    if (answers.HEAD) await this.#tryClient(answers);
    if (answers.POST) await this.#tryAppends(answers);
  }

  #report(code: FindingCode, facts: Facts = {}): void {
    const host = this.#probe.target.split('/')[2] ?? '';
    const needsRule = /^(http-page|answer-hidden|method|preflight|header)/.test(code);
    const all = { host, key: this.#key, origin: this.#origin ?? 'your page', ...facts };
    this.findings.push(makeFinding(code, all, needsRule ? bucketRule(this.#origin ?? '*') : undefined));
  }

  /** Sends each method once. If the first one gets no answer in time, the others would get none either. */
  async #ask(): Promise<Answers> {
    const answers: Answers = {};
    for (const method of METHODS) {
      answers[method] = await this.#send({ method });
      if (this.#probe.isLate) break;
    }
    return answers;
  }

  /** Sends a request again if it got no answer, because one request may be lost by chance. */
  async #send(request: ProbeRequest): Promise<Answer | undefined> {
    return (await this.#probe.send(request)) ?? (this.#probe.isLate ? undefined : this.#probe.send(request));
  }

  /** If OSS refuses the time, a request of an `OssClient` corrects its clock, so that the examination can go on. */
  async #askWithRightClock(): Promise<Answers> {
    const first = await this.#ask().catch((error: unknown) => {
      if (Object(error).code === 'CredentialsExpired') return undefined;
      throw error;
    });
    const refused = METHODS.map((method) => first?.[method]?.refusal?.serverTime).find(Boolean);
    if (first && !refused) return this.#compareClock(first);
    await this.#head();
    const second = await this.#ask();
    const time = refused ?? Date.parse(second.GET?.headers.get('date') ?? '');
    this.#report('clock-wrong', { time: time ? new Date(time).toISOString() : 'another one' });
    return second;
  }

  /** A client that has corrected its clock works, but each new one loses a request, and a token seems to be expired. */
  #compareClock(answers: Answers): Answers {
    const time = Date.parse(answers.GET?.headers.get('date') ?? '');
    const offset = Math.abs(time - this.#client.retry.clock.now());
    if ('presignHeadObject' in this.#client && offset > MAX_SKEW)
      this.#report('clock-wrong', { time: new Date(time).toISOString() });
    return answers;
  }

  #isMixed(): boolean {
    return /^https:/.test(this.#origin ?? '') && isPlain(this.#probe.target);
  }

  /** Finds out why no method got an answer that the page may read. */
  async #explainSilence(): Promise<void> {
    const { target } = this.#probe;
    const isAnswered = await this.#probe.reaches(target);
    if (this.#isForbidden) return this.#report('page-policy');
    if (isAnswered) {
      this.#report('answer-hidden');
      if (isPlain(this.#origin)) this.#report('http-page');
      return;
    }
    const own = globalThis.location?.origin;
    const isOffline = globalThis.navigator?.onLine === false || (own && !(await this.#probe.reaches(own)));
    this.#report(isOffline ? 'offline' : 'unreachable');
  }

  /** Judges the refusals. Returns false if the other steps would only repeat what is said here. */
  #judge({ GET, HEAD, POST }: Answers): boolean {
    const [reading, appending] = [causeOf((GET ?? HEAD)?.refusal), causeOf(POST?.refusal)];
    const cause = [reading, appending].find((one) => one && one.code !== 'no-permission');
    if (cause) {
      if (cause.code !== 'clock-wrong') this.#report(cause.code, cause);
      return false;
    }
    if (reading && appending) this.#report('no-permission');
    else if (reading) this.#report('get-missing');
    else if (appending) this.#report('put-missing');
    return true;
  }

  /** Finds headers that an answer of OSS certainly has, and that the page does not see. */
  #findHidden({ GET, HEAD, POST }: Answers): void {
    const isAppendable = HEAD?.ok && POST?.refusal?.code === 'PositionNotEqualToLength';
    const hidden = [
      ...hiddenOf(GET ?? HEAD, ['x-oss-request-id', 'Date']),
      ...hiddenOf(HEAD, HEAD?.ok ? [] : ['x-oss-err', 'x-oss-ec']),
      ...hiddenOf(isAppendable ? HEAD : undefined, [
        'x-oss-next-append-position',
        'x-oss-hash-crc64ecma',
        'x-oss-object-type',
      ]),
    ];
    if (hidden.length > 0) this.#report('header-not-exposed', { names: hidden.join(', ') });
  }

  /** Sends what the client itself sends: with header signing, this needs a preflight. It asks twice, to find a cache. */
  async #tryClient({ HEAD }: Answers): Promise<void> {
    const [first, second] = [await this.#head(), await this.#head()];
    if (first instanceof TransportError) {
      const refused = await this.#refusedHeaders(
        'HEAD',
        SIGNATURE.map((name) => [name, 'x']),
      );
      const isAll = refused.length === SIGNATURE.length || refused.length === 0;
      if (!HEAD?.isCors) this.#report('not-oss', { why: first.message });
      else this.#report(isAll ? 'preflight-refused' : 'header-not-allowed', { names: refused.join(', ') });
    } else if (first.requestId && first.requestId === Object(second).requestId) this.#report('head-cached');
  }

  /** Returns the state of the object, or why the client does not know it. */
  async #head(): Promise<ObjectHead | ServiceError | TransportError> {
    const { signal, timeout = TIMEOUT } = this.#options;
    const { clock } = this.#client.retry;
    const expired = () => new TransportError('no answer', { code: 'TimeoutError' });
    try {
      // The client repeats a lost request, and waits while the browser is offline. The doctor does not wait for that.
      return await withDeadline({ clock, timeout, signal, expired }, (deadline) =>
        this.#client.headObject(this.#key, { signal: deadline.signal }),
      );
    } catch (error) {
      if (error instanceof ServiceError || error instanceof TransportError) return error;
      throw error;
    }
  }

  /** Returns the headers for which the preflight is refused. A request with all of them would not say which one it is. */
  async #refusedHeaders(method: Method, headers: readonly (readonly [string, string])[]): Promise<string[]> {
    const refused: string[] = [];
    for (const [name, value] of headers)
      if (!(await this.#send({ method, headers: { [name]: value } }))) refused.push(name);
    return refused;
  }

  async #tryAppends({ GET }: Answers): Promise<void> {
    const own = Object.entries(appendHeaders(this.#options));
    const refused = [
      ...(GET ? await this.#refusedHeaders('GET', [['range', 'bytes=0-0']]) : []),
      ...(await this.#refusedHeaders('POST', own)),
    ];
    if (refused.length > 0) this.#report('header-not-allowed', { names: refused.join(', ') });
    await this.#tryTags(Object.fromEntries(own)['x-oss-tagging']);
    await this.#tryLargeBody();
    if (this.#options.write && this.findings.length === 0) await this.#write();
  }

  async #tryTags(tagging: string | undefined): Promise<void> {
    if (!tagging) return;
    const answer = await this.#send({ method: 'POST', signed: { 'x-oss-tagging': tagging } });
    if (causeOf(answer?.refusal)?.code === 'no-permission') this.#report('tagging-missing');
  }

  /** A small append got an answer. So if a large one gets none, something on the way limits the body. */
  async #tryLargeBody(): Promise<void> {
    const { bodySize = 2 * 1024 * 1024 } = this.#options;
    if (bodySize === 0) return;
    const answer = await this.#send({ method: 'POST', size: bodySize });
    const isLimited = answer ? answer.foreign || /TooLarge/.test(answer.refusal?.code ?? '') : !this.#probe.isLate;
    if (isLimited) this.#report('body-limit', { size: String(bodySize) });
  }

  /** Appends one line with the client itself, and looks at the object again. */
  async #write(): Promise<void> {
    const before = await this.#head();
    const position = 'contentLength' in before ? (before.contentLength ?? 0) : 0;
    try {
      const { signal, contentType, headers } = this.#options;
      const options = position === 0 ? { position, contentType, headers, signal } : { position, signal };
      await this.#client.appendObject(this.#key, LINE, options);
      const after = await this.#head();
      if ('contentLength' in after && after.contentLength === position) this.#report('head-cached');
    } catch (error) {
      throwIfAborted(this.#options.signal);
      if (!(error instanceof OssError)) throw error;
      this.#report('refused', { why: whyOf(error) });
    }
  }
}

/** Browsers treat a server on the same machine like one with HTTPS. */
function isPlain(url = ''): boolean {
  return /^http:\/\/(?!(localhost|127\.[\d.]+|\[::1\])([:/]|$))/.test(url);
}

/** Returns the names that the page should see in this answer, but does not. Without CORS, nothing is hidden. */
function hiddenOf(answer: Answer | undefined, names: readonly string[]): string[] {
  return answer?.isCors ? names.filter((name) => !answer.headers.has(name)) : [];
}

function causeOf(refusal: ServiceError | undefined): { readonly code: FindingCode; readonly why: string } | undefined {
  const why = refusal && whyOf(refusal);
  const code = refusal && CAUSES.find(([form]) => form.test(`${refusal.code} ${refusal.ec ?? ''} ${why}`))?.[1];
  return code && why ? { code, why } : undefined;
}

/** Returns the message without what was attempted, and without the hint of the client. */
function whyOf({ message }: OssError): string {
  return message.replace(/^Cannot .*?: /, '').replace(/\. Hint: .*/, '');
}
