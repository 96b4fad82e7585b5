/** The steps of the doctor. Each step sends a few harmless requests, and the order of the steps tells the causes apart. */

import { CredentialsError, type ServiceError, TransportError } from '../errors.ts';
import type { OssClient } from '../request/client.ts';
import { appendHeaders } from '../request/headers.ts';
import type { ObjectHead } from '../request/operations.ts';
import type { PresignedClient } from '../request/presigned.ts';
import { bucketRule } from './bucket-rule.ts';
import { causeOf, type Finding, type FindingCode, makeFinding } from './findings.ts';
import type { DoctorOptions } from './options.ts';
import { type Answer, type Method, makeProbe } from './probe.ts';

/** The headers of a header-signed request. A page sends a preflight for them. */
const SIGNATURE = { authorization: 'x', 'x-oss-content-sha256': 'x', 'x-oss-date': 'x', 'x-oss-security-token': 'x' };

const METHODS: readonly Method[] = ['GET', 'HEAD', 'POST'];

/** The codes whose cure is the CORS rule. */
const NEEDS_RULE = /^(http|answer|method|pre|header)/;

const DENIED = 'no-permission';

const EXPIRED = 'CredentialsExpired';

const LINE = 'oss-append: the doctor was here\n';

type Answers = Partial<Record<Method, Answer | undefined>>;

/** Examines a client, and returns what is wrong. The steps are closures, because this makes the doctor smaller. */
export async function examine(
  client: OssClient | PresignedClient,
  key: string,
  options: DoctorOptions,
): Promise<readonly Finding[]> {
  const {
    origin = globalThis.location?.origin,
    contentType,
    headers,
    write,
    bodySize: size = 2 * 1024 * 1024,
  } = options;
  const own = appendHeaders(options);
  const findings: Finding[] = [];
  const probe = makeProbe(client, key, options);

  const report = (code: FindingCode, about = ''): void => {
    const [what = '', hint = 'see the documents of OSS'] = about.split('. Hint: ');
    const facts = { host: probe.target.split('/')[2] ?? '', origin: origin ?? '*', key, what, hint };
    findings.push(makeFinding(code, facts, NEEDS_RULE.test(code) ? bucketRule(facts.origin) : undefined));
  };

  /** Returns the state of the object as the client reads it, or an error. */
  const head = (): Promise<Partial<ObjectHead & Error>> =>
    probe.limited<Partial<ObjectHead>>((signal) => client.headObject(key, { signal }));

  /** Sends each method. If the first one gets no answer in time, the others would get none either. */
  const ask = async (): Promise<Answers> => {
    const answers: Answers = {};
    for (const method of METHODS) if (!probe.isLate) answers[method] = await probe.send(method);
    return answers;
  };

  /** If OSS refuses the time, a request of an `OssClient` corrects its clock, so that the examination can go on. */
  const askWithRightClock = async (): Promise<Answers> => {
    // If the clock is ahead, a good token seems to be expired.
    const first = await ask().catch((error) => {
      if (error.code !== EXPIRED) throw error;
    });
    const time = Object.values(first ?? {}).find((answer) => answer?.refusal?.serverTime)?.refusal?.serverTime;
    if (first && !time) return first;
    await head();
    const second = await ask();
    report('clock-wrong', time ? new Date(time).toISOString() : 'another time');
    return second;
  };

  /** Finds out why no method got an answer that the page may read. */
  const explainSilence = async (): Promise<void> => {
    const isAnswered = (await probe.reaches(probe.target)) || (await probe.reaches(probe.target));
    report(isAnswered ? 'answer-hidden' : globalThis.navigator?.onLine === false ? 'offline' : 'unreachable');
    if (isAnswered && isPlain(origin)) report('http-page');
  };

  /** Judges the refusals. Returns false if the other steps would only repeat what is said here. */
  const judge = ({ GET, HEAD, POST }: Answers): boolean => {
    const refusals = [(GET ?? HEAD)?.refusal, POST?.refusal];
    const [reading, appending] = refusals.map(judged);
    const final = refusals.find((refusal) => (judged(refusal) ?? DENIED) !== DENIED);
    const cause = judged(final);
    if (cause === 'clock-wrong') return false;
    if (cause) report(cause, whyOf(final));
    else if (reading && appending) report(DENIED, 'oss:GetObject and oss:PutObject');
    else if (reading ?? appending) report('permission-missing', reading ? 'oss:GetObject' : 'oss:PutObject');
    return !cause;
  };

  /** Finds headers that an answer of OSS certainly has, and that the page does not see. */
  const findHidden = ({ GET, HEAD, POST }: Answers): void => {
    const isAppendable = HEAD?.ok && POST?.refusal?.code === 'PositionNotEqualToLength';
    const hidden = [
      ...hiddenOf(GET ?? HEAD, 'x-oss-request-id Date'),
      ...hiddenOf(HEAD?.ok ? undefined : HEAD, 'x-oss-err x-oss-ec'),
      ...hiddenOf(isAppendable ? HEAD : undefined, 'x-oss-next-append-position x-oss-hash-crc64ecma x-oss-object-type'),
    ];
    if (hidden.length > 0) report('header-not-exposed', hidden.join());
  };

  /** Returns the headers for which the preflight is refused. A request with all of them would not say which one it is. */
  const refusedHeaders = async (method: Method, given: Readonly<Record<string, string>>): Promise<string[]> => {
    const refused: string[] = [];
    for (const [name, value] of Object.entries(given))
      if (!(await probe.send(method, { headers: { [name]: value } }))) refused.push(name);
    return refused;
  };

  /** Sends what the client itself sends: with header signing, this needs a preflight. It asks twice, to find a cache. */
  const tryClient = async (): Promise<void> => {
    const [first, second] = [await head(), await head()];
    if (first instanceof TransportError || probe.isLate) {
      const refused = await refusedHeaders('HEAD', SIGNATURE);
      if (refused.length > 0) report(refused.length < 4 ? 'header-not-allowed' : 'preflight-refused', refused.join());
      else if (findings.length === 0 && first.message) report('not-oss', first.message);
    } else if (first.requestId && first.requestId === second.requestId) report('head-cached');
  };

  const tryAppends = async (): Promise<void> => {
    const refused = await refusedHeaders('POST', own);
    if (refused.length > 0) report('header-not-allowed', refused.join());
    const tagging = own['x-oss-tagging'];
    const tagged = tagging && (await probe.send('POST', { signed: { 'x-oss-tagging': tagging } }));
    if (tagged && judged(tagged.refusal) === DENIED) report('permission-missing', 'oss:PutObjectTagging');
    if (size) await tryLargeBody();
    if (write && findings.length === 0) await append();
  };

  /** A small append got an answer. So if a large one gets none, something on the way limits the body. */
  const tryLargeBody = async (): Promise<void> => {
    const { foreign, refusal } = (await probe.send('POST', { size })) ?? { foreign: !probe.isLate };
    if (foreign || /TooLarge/.test(`${refusal?.code}`)) report('body-limit', `${size}`);
  };

  /** Appends one line with the client itself, which is the last proof. */
  const append = async (): Promise<void> => {
    const { contentLength: position = 0 } = await head();
    const first = position ? {} : { contentType, headers };
    const result = await probe.limited((signal) => client.appendObject(key, LINE, { ...first, position, signal }));
    if (result instanceof Error) report('refused', whyOf(result));
  };

  let answers: Answers | undefined;
  const runSteps = async (): Promise<void> => {
    answers = await askWithRightClock();
    const { GET, HEAD, POST } = answers;
    const missing = METHODS.filter((method) => !answers?.[method]).join();
    const some = GET ?? HEAD ?? POST;
    const foreign = [GET, HEAD, POST].find((answer) => answer?.foreign)?.foreign;
    if (/^https:/.test(`${origin}`) && isPlain(probe.target)) return report('mixed-content');
    if (!some) return explainSilence();
    if (foreign) return report('not-oss', foreign);
    if (missing && probe.isLate) return report('unreachable');
    if (missing) report(some.isCors ? 'method-missing' : 'not-oss', some.isCors ? missing : `no answer to ${missing}`);
    if (!judge(answers)) return;
    findHidden(answers);
    if (HEAD) await tryClient();
    if (POST) await tryAppends();
  };

  try {
    await runSteps();
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    // Who signs may refuse the later, unusual requests, for example a large body.
    if (!answers) report(error.code === EXPIRED ? 'token-expired' : 'no-credentials', error.message);
  }
  return findings;
}

/** Browsers treat a server on the same machine like one with HTTPS. */
function isPlain(url = ''): boolean {
  return /^http:\/\/(?!localhost|127\.|\[::1)/.test(url);
}

/** Returns the names that the page should see in this answer, but does not. Without CORS, nothing is hidden. */
function hiddenOf(answer: Answer | undefined, names: string): string[] {
  return answer?.isCors ? names.split(' ').filter((name) => !answer.headers.has(name)) : [];
}

/** Returns the cause of a refusal, or undefined if a healthy bucket refuses this too. */
function judged(refusal: ServiceError | undefined): FindingCode | undefined {
  return refusal && causeOf(`${refusal.code} ${refusal.ec} ${whyOf(refusal)}`);
}

/** Returns the message without what was attempted. */
function whyOf(error: Error | undefined): string {
  return `${error?.message}`.replace(/^Cannot .*?: /, '');
}
