// LocalSts is an STS in memory. Tests call its `fetch`, which implements only AssumeRole. It computes the
// ACS3-HMAC-SHA256 signature again from the request, with Web Crypto, and shares no code with the signer of "./sts".
// https://help.aliyun.com/document_detail/2712195 (signature), 28763 (AssumeRole)

import { type Clock, clockFrom, unlessAborted } from './clock.ts';
import { percentEncode, utf8 } from './encoding.ts';
import { Refusal } from './errors.ts';
import { hmacKey, isHmac, sha256 } from './hashes.ts';
import { SessionPolicy } from './session-policy.ts';
import type { SecurityToken, TokenOptions } from './tokens.ts';
import { type WireRequest, wireRequest } from './wire.ts';

/** A role that callers can assume. */
export interface RoleOptions {
  /** The longest duration of a token, from 3,600 s (the default) to 43,200 s. */
  readonly maxSessionDuration?: number;
  /** The external ID that callers must send. */
  readonly externalId?: string;
  /** The IDs of the access keys that may assume the role. By default, every key may assume it. */
  readonly trusted?: readonly string[];
}

/** The options of `new LocalSts`. */
export interface LocalStsOptions {
  /** The `LocalOss` that issues the tokens and later accepts them. */
  readonly oss: { issueToken(options: TokenOptions): SecurityToken };
  /** The secrets of RAM users by access key ID. The `LocalOss` need not know these keys. */
  readonly accessKeys: Readonly<Record<string, string>>;
  /** The roles by ARN. An ARN has the form `acs:ram::{account}:role/{name}`. */
  readonly roles: Readonly<Record<string, RoleOptions>>;
  /** The source of the current time. The system clock is the default. */
  readonly clock?: Partial<Clock>;
  /** Called for each request with its number, counted from 1. It returns the fault of this request, or undefined. */
  readonly faults?: (nth: number) => StsFault | undefined;
}

/** A fault of one request. Every fault happens before the request takes effect. After `drop`, there is no answer. */
export type StsFault = 'throttle' | 'error' | 'gateway' | 'drop';

const MAX_SKEW = 900_000;
const ALGORITHM = 'ACS3-HMAC-SHA256';
const REMEMBERED = 10_000;
const SIGNED = ['host', 'x-acs-action', 'x-acs-content-sha256', 'x-acs-date', 'x-acs-signature-nonce', 'x-acs-version'];

/**
 * An STS in memory that issues tokens for a `LocalOss`. A test can use both offline, from a RAM key to an append.
 *
 * ```ts
 * import { assumeRole } from 'oss-append/sts';
 * import { LocalOss, LocalSts } from 'oss-append/testing';
 *
 * const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
 * const roleArn = 'acs:ram::1000000000000000:role/append';
 * const sts = new LocalSts({ oss, accessKeys: { LTAIexample: 'secret' }, roles: { [roleArn]: {} } });
 * await assumeRole({ accessKeyId: 'LTAIexample', accessKeySecret: 'secret', roleArn, roleSessionName: 'u42', fetch: sts.fetch });
 * ```
 *
 * A role has no rights of its own here: a token without a session policy may do everything.
 */
export class LocalSts {
  /** Shows Vue that this is not a plain object. Vue would make a proxy, which cannot reach the private members. */
  get [Symbol.toStringTag](): string {
    return 'LocalSts';
  }

  /**
   * Takes the same arguments as the global `fetch`, and may be called unbound. It accepts any host. The path must be
   * `/`.
   */
  readonly fetch: (input: Request | URL | string, init?: RequestInit) => Promise<Response>;
  readonly #options: LocalStsOptions;
  readonly #clock: Clock;
  readonly #nonces: Set<string> = new Set();
  #calls = 0;
  #busy = 0;

  constructor(options: LocalStsOptions) {
    this.#options = options;
    this.#clock = clockFrom(options.clock);
    this.fetch = async (input, init) => {
      const wire = wireRequest(input, init);
      wire.signal?.throwIfAborted();
      this.#busy++;
      const work = this.#answer(wire).finally(() => this.#busy--);
      return unlessAborted(work, wire.signal);
    };
  }

  /** The number of calls so far, including refused calls. */
  get calls(): number {
    return this.#calls;
  }

  /** The number of calls that are in progress. A virtual clock may move on when this number is 0. */
  get busy(): number {
    return this.#busy;
  }

  async #answer(wire: WireRequest): Promise<Response> {
    this.#calls++;
    const fault = this.#options.faults?.(this.#calls);
    if (fault === 'drop') throw new TypeError('fetch failed: the connection was lost');
    if (fault === 'gateway') return new Response('<html>502 Bad Gateway</html>', { status: 502 });
    const requestId = crypto.randomUUID().toUpperCase();
    const answer = { RequestId: requestId, HostId: wire.url.host };
    try {
      if (fault) throw FAULTS[fault]();
      return Response.json({ RequestId: requestId, ...(await this.#assumeRole(await readCall(wire))) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code: Code, message: Message, status } = error;
      const Recommend = `https://api.aliyun.com/troubleshoot?q=${Code}&product=Sts`;
      return Response.json({ ...answer, Code, Message, Recommend }, { status });
    }
  }

  async #assumeRole(call: Call): Promise<object> {
    const accessKeyId = await this.#verify(call);
    const action = `${call.url.pathname}${call.header('x-acs-action')} ${call.header('x-acs-version')}`;
    if (action !== '/AssumeRole 2015-04-01') {
      throw new Refusal(404, 'InvalidAction.NotFound', 'Specified api is not found, please check your url and method.');
    }
    const fields = call.fields();
    const { RoleArn, RoleSessionName, SourceIdentity } = fields;
    const { policy, durationSeconds } = this.#readRole(fields, accessKeyId);
    const token = this.#options.oss.issueToken(
      policy === undefined ? { durationSeconds } : { durationSeconds, policy },
    );
    return {
      // JSON leaves out a field whose value is undefined.
      SourceIdentity,
      AssumedRoleUser: {
        Arn: `${RoleArn}/${RoleSessionName}`,
        AssumedRoleId: `300000000000000000:${RoleSessionName}`,
      },
      Credentials: {
        AccessKeyId: token.accessKeyId,
        AccessKeySecret: token.accessKeySecret,
        SecurityToken: token.securityToken,
        Expiration: token.expiration,
      },
    };
  }

  /** Checks the signature and returns the access key ID of the caller. @throws {Refusal} */
  async #verify(call: Call): Promise<string> {
    const { accessKeyId, names, signature } = readAuthorization(call.header('authorization'));
    const secret = this.#options.accessKeys[accessKeyId];
    if (secret === undefined) {
      throw new Refusal(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
    }
    this.#checkTime(call.header('x-acs-date'));
    await checkSigned(call, names);
    const stringToSign = `${ALGORITHM}\n${await sha256(utf8(canonicalRequest(call, names)))}`;
    if (!(await isHmac(await hmacKey(utf8(secret), 'verify'), signature, stringToSign))) {
      const message = `Specified signature is not matched with our calculation. server string to sign is:${stringToSign}`;
      throw new Refusal(400, 'SignatureDoesNotMatch', message);
    }
    this.#useUp(call.header('x-acs-signature-nonce'));
    return accessKeyId;
  }

  #checkTime(date: string): void {
    const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(date) ? Date.parse(date) : Number.NaN;
    if (Number.isNaN(time)) {
      throw new Refusal(400, 'InvalidTimeStamp.Format', 'Specified time stamp or date value is not well formatted.');
    }
    if (Math.abs(time - this.#clock.now()) <= MAX_SKEW) return;
    throw new Refusal(400, 'InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.');
  }

  #useUp(nonce: string): void {
    if (this.#nonces.has(nonce)) {
      throw new Refusal(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
    }
    if (this.#nonces.size >= REMEMBERED) this.#nonces.clear();
    this.#nonces.add(nonce);
  }

  #readRole(fields: Fields, accessKeyId: string): Assumed {
    for (const [name, form] of FORMS) {
      const value = fields[name];
      if (value !== undefined && !form.test(value)) throw invalid(name);
    }
    const role = this.#options.roles[fields.RoleArn];
    if (!role) throw new Refusal(404, 'EntityNotExist.Role', `The role not exists: ${fields.RoleArn}`);
    const { trusted = [accessKeyId], externalId } = role;
    if (!trusted.includes(accessKeyId) || fields.ExternalId !== externalId) {
      throw new Refusal(
        403,
        'NoPermission',
        'You are not authorized to do this action. You should be authorized by RAM.',
      );
    }
    return { policy: readPolicy(fields.Policy), durationSeconds: readDuration(fields, role) };
  }
}

/** The parameters of AssumeRole. A required parameter that is missing is empty, which no form allows. */
interface Fields {
  readonly RoleArn: string;
  readonly RoleSessionName: string;
  readonly DurationSeconds: string;
  readonly ExternalId?: string;
  readonly SourceIdentity?: string;
  readonly Policy?: string;
}

const FORMS: readonly (readonly [name: keyof Fields, form: RegExp])[] = [
  ['RoleArn', /^acs:ram::\d+:role\/.+$/],
  ['RoleSessionName', /^[\w.@-]{2,64}$/],
  ['ExternalId', /^[\w+=,.@:/-]{2,1224}$/],
  // Only the length of a source identity is documented.
  ['SourceIdentity', /^.{2,64}$/su],
];

interface Assumed {
  readonly policy: string | undefined;
  readonly durationSeconds: number;
}

/** One call, as the server receives it. */
interface Call {
  readonly method: string;
  readonly url: URL;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Headers;
  /** Returns the trimmed value of a header, or an empty string if the header is absent. */
  header(name: string): string;
  /** Returns the parameters. An RPC-style API reads them from the query and from a form in the body. */
  fields(): Fields;
}

const FAULTS: Readonly<Record<'throttle' | 'error', () => Refusal>> = {
  throttle: () => new Refusal(400, 'Throttling.User', 'Request was denied due to user flow control.'),
  error: () => new Refusal(500, 'InternalError', 'STS Server Internal Error happened.'),
};

async function readCall({ method, url, headers, payload }: WireRequest): Promise<Call> {
  const body = new Uint8Array(await new Response((payload ?? null) as BodyInit | null).arrayBuffer());
  const type = headers.get('content-type') ?? '';
  if (body.byteLength > 0 && !/^application\/(json|x-www-form-urlencoded)\b/.test(type)) {
    throw new Refusal(400, 'InvalidParameter.ContentType', 'The specified content type is not supported.');
  }
  // On the wire, the Host header always comes from the URL, even if the caller sets another value.
  const header = (name: string) => (name === 'host' ? url.host : (headers.get(name) ?? '').trim());
  const fields = () => {
    const form = type.includes('form') ? new TextDecoder().decode(body) : '';
    const given = [...url.searchParams, ...new URLSearchParams(form)];
    return { RoleArn: '', RoleSessionName: '', DurationSeconds: '3600', ...Object.fromEntries(given) };
  };
  return { method, url, body, headers, header, fields };
}

function readAuthorization(text: string): { accessKeyId: string; names: string[]; signature: string } {
  const form = /^ACS3-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})$/;
  const [, accessKeyId, names, signature] = form.exec(text) ?? [];
  if (accessKeyId && names && signature) return { accessKeyId, names: names.split(';'), signature };
  throw new Refusal(400, 'IncompleteSignature', 'The request signature does not conform to Aliyun standards.');
}

/** The headers that the signature covers if the call has them. */
const MUST_BE_SIGNED = /^(x-acs-.*|content-type)$/;

/** Checks that the signature covers every required header. Anyone on the way could change an unsigned header. */
async function checkSigned(call: Call, names: readonly string[]): Promise<void> {
  const missing = SIGNED.find((name) => !names.includes(name) || call.header(name) === '');
  if (missing)
    throw new Refusal(400, `Missing${missing}`, `${missing} is mandatory for this action and must be signed.`);
  const sorted = names.every((name, i) => name === name.toLowerCase() && (i === 0 || names[i - 1]! < name));
  const unsigned = [...call.headers.keys()].some((name) => MUST_BE_SIGNED.test(name) && !names.includes(name));
  if (!sorted || unsigned || call.header('x-acs-content-sha256') !== (await sha256(call.body))) {
    throw new Refusal(400, 'SignatureDoesNotMatch', 'Specified signature is not matched with our calculation.');
  }
}

function canonicalRequest(call: Call, names: readonly string[]): string {
  const pairs = [...call.url.searchParams].map((pair) => pair.map(percentEncode));
  // Encoded text is ASCII, so comparing the strings compares their bytes.
  pairs.sort(([a = ''], [b = '']) => (a < b ? -1 : Number(a > b)));
  const headers = names.map((name) => `${name}:${call.header(name)}`);
  const lines = [
    call.method,
    call.url.pathname,
    pairs.map((pair) => pair.join('=')).join('&'),
    ...headers,
    '',
    names.join(';'),
  ];
  return [...lines, call.header('x-acs-content-sha256')].join('\n');
}

function readPolicy(policy: string | undefined): string | undefined {
  try {
    if (policy !== undefined) new SessionPolicy(policy);
    return policy;
  } catch (error) {
    throw error instanceof RangeError
      ? new Refusal(400, 'InvalidParameter.PolicySize', 'The length of the parameter Policy has exceeded 2048.')
      : new Refusal(400, 'InvalidParameter.PolicyGrammar', 'The parameter Policy has not passed grammar check.');
  }
}

function readDuration({ DurationSeconds: text }: Fields, { maxSessionDuration = 3600 }: RoleOptions): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : 0;
  const longest = Math.min(maxSessionDuration, 43_200);
  if (seconds >= 900 && seconds <= longest) return seconds;
  const message = `The Min/Max value of DurationSeconds is 15min/${longest}s.`;
  throw new Refusal(400, 'InvalidParameter.DurationSeconds', message);
}

function invalid(name: string): Refusal {
  return new Refusal(400, `InvalidParameter.${name}`, `The parameter ${name} is wrongly formed.`);
}
