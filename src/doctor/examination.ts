/** The steps of the doctor. Each step sends a few harmless requests, and the order of the steps tells the causes apart. */

import { CredentialsError, TransportError } from '../errors.ts';
import type { OssClient } from '../request/client.ts';
import { appendHeaders } from '../request/headers.ts';
import type { ObjectHead } from '../request/operations.ts';
import type { PresignedClient } from '../request/presigned.ts';
import { METHODS } from './bucket-rule.ts';
import { type Finding, type FindingCode, makeFinding } from './findings.ts';
import type { DoctorOptions } from './options.ts';
import { type Answer, type Method, makeProbe } from './probe.ts';

/** The headers of a header-signed request. A page sends a preflight for them. */
const SIGNATURE = { authorization: 'x', 'x-oss-content-sha256': 'x', 'x-oss-date': 'x', 'x-oss-security-token': 'x' };

const LINE = 'oss-append doctor\n';

type AnswerByMethod = Partial<Record<Method, Answer>>;

/** Examines a client, and returns what is wrong. The steps are closures, because this makes the doctor smaller. */
export async function examine(
  client: OssClient | PresignedClient,
  key: string,
  options: DoctorOptions,
): Promise<readonly Finding[]> {
  const { origin = globalThis.location?.origin ?? '*', write, bodySize: size = 2_097_152 } = options;
  const own = appendHeaders(options);
  const findings: Finding[] = [];
  const probe = makeProbe(client, key, options);

  const report = (code: FindingCode, about = ''): void => {
    const [what = '', hint = 'see the OSS console'] = about.replace(/^Cannot .*?: /, '').split('. Hint: ');
    findings.push(makeFinding(code, { host: probe.target.split('/')[2] ?? '', origin, key, what, hint }));
  };

  /** Returns the state of the object as the client reads it, or an error. */
  const head = (): Promise<Partial<ObjectHead & Error>> =>
    probe.limited<Partial<ObjectHead>>((signal) => client.headObject(key, { signal }));

  /**
   * Sends each method, and returns the answers. If the first request gets no answer in time, the other requests would get
   * no answer, either.
   */
  const ask = async (): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (const method of METHODS) {
      const answer = probe.isLate ? undefined : await probe.send(method);
      if (answer) answers.push(answer);
    }
    return answers;
  };

  /** Finds out why no method got an answer that the page may read. */
  const explainSilence = async (): Promise<void> => {
    const isAnswered = await probe.reach();
    report(isAnswered ? 'answer-hidden' : globalThis.navigator?.onLine === false ? 'offline' : 'unreachable');
    if (isAnswered && isPlain(origin)) report('http-page');
  };

  /** Judges the refusals. Returns false if the other steps would only repeat what is said here. */
  const judge = (answers: readonly Answer[]): boolean => {
    const denied = new Set<string>();
    for (const { method, cause, refusal } of answers) {
      if (cause && cause !== 'no-permission') {
        // A wrong clock has been reported already.
        if (cause !== 'clock-wrong') report(cause, refusal?.message);
        return false;
      }
      if (cause) denied.add(method === 'POST' ? 'oss:PutObject' : 'oss:GetObject');
    }
    if (denied.size) report(denied.size > 1 ? 'no-permission' : 'permission-missing', [...denied].join(' and '));
    return true;
  };

  /** Finds headers that an answer of OSS certainly has, and that the page does not see. */
  const findHidden = ({ GET, HEAD, POST }: AnswerByMethod): void => {
    // In a healthy bucket, only the position of the append is wrong. Then the object is appendable.
    const ofAppendable = POST && !POST.cause ? ['x-oss-next-append-position', 'x-oss-hash-crc64ecma'] : [];
    const hidden = [
      ...hiddenOf(GET ?? HEAD, ['x-oss-request-id', 'Date']),
      ...hiddenOf(HEAD, HEAD?.ok ? ['x-oss-object-type', ...ofAppendable] : ['x-oss-err', 'x-oss-ec']),
    ];
    if (hidden[0]) report('header-not-exposed', hidden.join());
  };

  /** Sends each header alone, because a request with all of them would not say which one the preflight refuses. */
  const findRefused = async (method: Method, given: Readonly<Record<string, string>>): Promise<void> => {
    const refused: string[] = [];
    const entries = Object.entries(given);
    for (const [name, value] of entries)
      if (!(await probe.send(method, { headers: { [name]: value } }))) refused.push(name);
    if (!refused[0]) return;
    // If all are refused, perhaps no preflight is answered at all. A header of the signature shows this.
    const isAnswered =
      refused.length < entries.length || (await probe.send(method, { headers: { authorization: 'x' } }));
    report(isAnswered ? 'header-not-allowed' : 'preflight-refused', refused.join());
  };

  /** Sends what the client itself sends: with header signing, this needs a preflight. It asks twice, to find a cache. */
  const tryClient = async (): Promise<void> => {
    const [first, second] = [await head(), await head()];
    if (first instanceof TransportError || probe.isLate) {
      await findRefused('HEAD', SIGNATURE);
      if (!findings[0] && first.message) report('not-oss', first.message);
    } else if (first.requestId && first.requestId === second.requestId) report('head-cached');
  };

  const tryAppends = async (POST: Answer): Promise<void> => {
    await findRefused('POST', own);
    const tagging = own['x-oss-tagging'];
    const isDenied =
      tagging && (await probe.send('POST', { signed: { 'x-oss-tagging': tagging } }))?.cause === 'no-permission';
    if (isDenied) report('permission-missing', 'oss:PutObjectTagging');
    // Small appends got an answer. So if a large append gets no answer, something on the way limits the body.
    const large = size ? await probe.send('POST', { size }) : POST;
    if (large ? large.foreign || large.cause === 'body-limit' : !probe.isLate) report('body-limit', `${size}`);
    if (write && !findings[0]) await append();
  };

  /** Appends one line with the client itself, which is the last proof. */
  const append = async (): Promise<void> => {
    const { contentLength: position = 0 } = await head();
    // These headers have an effect on the first append only. A server that signs may refuse them on a later append.
    const first = position ? {} : options;
    const result = await probe.limited((signal) => client.appendObject(key, LINE, { ...first, position, signal }));
    if (result instanceof Error) report('refused', result.message);
  };

  let isSigned = false;
  const runSteps = async (): Promise<void> => {
    // If the clock of the device is ahead, a good token seems to be expired.
    const first = await ask().catch((error) => {
      if (error.code !== 'CredentialsExpired') throw error;
    });
    const isClockWrong = !first || first.some(({ cause }) => cause === 'clock-wrong');
    // A request of an `OssClient` corrects its clock, so that the examination can go on.
    if (isClockWrong) await head();
    const answers = isClockWrong ? await ask() : first;
    isSigned = true;
    const byMethod: AnswerByMethod = Object.fromEntries(answers.map((answer) => [answer.method, answer]));
    const missing = METHODS.filter((method) => !byMethod[method]).join();
    const [some] = answers;
    const foreign = answers.find((answer) => answer.foreign)?.foreign;
    if (/^https:/.test(origin) && isPlain(probe.target)) return report('mixed-content');
    if (!some) return explainSilence();
    if (foreign) return report('not-oss', foreign);
    if (missing) {
      if (probe.isLate) return report('unreachable');
      if (some.type === 'cors') report('method-missing', missing);
      else report('not-oss', `no answer to ${missing}`);
    }
    // The token can be refused, too, after the client has corrected its clock.
    if (isClockWrong) report('clock-wrong');
    if (!judge(answers)) return;
    findHidden(byMethod);
    if (byMethod.HEAD) await tryClient();
    if (byMethod.POST) await tryAppends(byMethod.POST);
    // If this method worked before and gets no answer now, the network has failed, and the findings are wrong.
    if (findings[0] && !(await probe.send(some.method))) {
      findings.length = 0;
      await explainSilence();
    }
  };

  try {
    await runSteps();
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error;
    // A server that signs may refuse the later, unusual requests, for example a large body.
    if (!isSigned) report(error.code === 'CredentialsExpired' ? 'token-expired' : 'no-credentials', error.message);
  }
  return findings;
}

/** Browsers treat a server on the same machine like one with HTTPS. Its name may contain the bucket: `logs.localhost`. */
function isPlain(url: string): boolean {
  return /^http:\/\/(?!([^/]+\.)?localhost|127\.|\[::1)/.test(url);
}

/** Returns the names that the page should see in this answer, but does not. Without CORS, nothing is hidden. */
function hiddenOf(answer: Answer | undefined, names: readonly string[]): string[] {
  return names.filter((name) => answer?.type === 'cors' && !answer.headers.has(name));
}
