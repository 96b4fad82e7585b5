/** Sends one request of the doctor, and reads its answer. No probe is repeated, and no probe changes an object. */

import { readStart } from '../bytes.ts';
import { CredentialsError, type ServiceError } from '../errors.ts';
import { redact } from '../redact.ts';
import type { OssClient } from '../request/client.ts';
import type { Presign } from '../request/presigner.ts';
import { toServiceError } from '../request/refusal.ts';
import type { Fetch, PresignRequest } from '../request/request.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import type { Clock } from '../waiting/clock.ts';
import { withDeadline } from '../waiting/deadline.ts';

/** The client as the doctor sees it. Only an `OssClient` can sign. */
export type Signing = Pick<OssClient, 'retry'> &
  Partial<Pick<OssClient, 'presignHeadObject' | 'presignGetObject' | 'presignAppendObject'>>;

/** What the probes need besides the client. */
export interface ProbeOptions {
  readonly key: string;
  readonly fetch?: Fetch | undefined;
  readonly presign?: Presign | undefined;
  /** Time-out of one probe, ms. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** The part of an answer that the doctor judges. */
export interface Answer {
  readonly ok: boolean;
  /** True if CORS decides which headers are visible. */
  readonly isCors: boolean;
  readonly headers: Headers;
  /** Why OSS refused. */
  readonly refusal?: ServiceError | undefined;
  /** What answered, if it was not OSS. */
  readonly foreign?: string | undefined;
}

export type Method = 'GET' | 'HEAD' | 'POST';

/** One request: a read of the key, or an append at a position that no object has. */
export interface ProbeRequest {
  readonly method: Method;
  /** Headers that the signature covers. */
  readonly signed?: Readonly<Record<string, string>> | undefined;
  /** Headers that the signature does not cover. OSS may refuse them, but only after the preflight. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Length of the body, bytes. */
  readonly size?: number | undefined;
  readonly mode?: RequestMode | undefined;
}

/** OSS refuses an append at this position with 409, because no object has exactly this length (2.5 GiB and some bytes). */
const NOWHERE = 2_684_366_905;

const OPERATIONS = { GET: 'getObject', HEAD: 'headObject', POST: 'appendObject' } as const;

export class Probe {
  readonly #client: Signing;
  readonly #options: ProbeOptions;
  /** The address of the last request, without its query. */
  target = '';
  /** True if the last request got no answer in time. */
  isLate = false;

  constructor(client: Signing, options: ProbeOptions) {
    this.#client = client;
    this.#options = options;
  }

  /**
   * Sends a request with its signature in the query, so that a page can send it without a preflight. Returns undefined if
   * no answer came, or if the browser hides the answer.
   *
   * @throws CredentialsError if nobody signs the request; after an abort, the signal's reason.
   */
  async send(request: ProbeRequest): Promise<Answer | undefined> {
    const { signal, timeout, clock, fetch = globalThis.fetch } = this.#options;
    const url = await this.#url(request);
    this.target = url.replace(/\?.*/s, '');
    this.isLate = false;
    const expired = () => {
      this.isLate = true;
    };
    try {
      return await withDeadline({ clock, timeout, signal, expired }, async (deadline) =>
        toAnswer(await fetch(url, initOf(request, deadline.signal)), request),
      );
    } catch {
      throwIfAborted(signal);
      return undefined;
    }
  }

  /** Sends a request that shows nothing but whether a server answers. */
  async reaches(url: string): Promise<boolean> {
    const { signal, timeout, clock, fetch = globalThis.fetch } = this.#options;
    const init = (limit: AbortSignal): RequestInit => ({
      method: 'HEAD',
      mode: 'no-cors',
      cache: 'no-store',
      signal: limit,
    });
    return withDeadline({ clock, timeout, signal, expired: () => undefined }, async (deadline) => {
      await fetch(url, init(deadline.signal));
      return true;
    }).catch(() => {
      throwIfAborted(signal);
      return false;
    });
  }

  async #url({ method, signed = {}, size = 0 }: ProbeRequest): Promise<string> {
    const { presignHeadObject } = this.#client;
    const { key, signal } = this.#options;
    const append = { position: NOWHERE, contentType: null, headers: signed, signal };
    if (!presignHeadObject) {
      const request = { operation: OPERATIONS[method], key, headers: signed, signal };
      return this.#ask(method === 'POST' ? { ...request, position: NOWHERE, size } : request);
    }
    const given = {
      GET: () => this.#client.presignGetObject?.(key, { signal }),
      HEAD: () => this.#client.presignHeadObject?.(key, { signal }),
      POST: () => this.#client.presignAppendObject?.(key, append),
    }[method]();
    return (await given)?.url ?? '';
  }

  async #ask(request: PresignRequest): Promise<string> {
    const { presign, signal } = this.#options;
    try {
      const given = await presign?.(request);
      return new URL(typeof given === 'string' ? given : String(given?.url)).href;
    } catch (cause) {
      throwIfAborted(signal);
      const why = redact(cause instanceof Error ? cause.message : String(cause));
      throw new CredentialsError(why, { code: 'PresignFailed', cause });
    }
  }
}

function initOf({ method, headers = {}, signed = {}, size }: ProbeRequest, signal: AbortSignal): RequestInit {
  const init: RequestInit = { method, headers: { ...signed, ...headers }, redirect: 'manual', signal };
  if (size) init.body = new Uint8Array(size);
  // An old answer from a cache says nothing. Workers know `cache` only from some compatibility date on.
  if (method !== 'POST' && 'cache' in (globalThis.Request?.prototype ?? {})) init.cache = 'no-store';
  return init;
}

async function toAnswer(response: Response, { method }: ProbeRequest): Promise<Answer> {
  const { ok, status, headers, type } = response;
  const isCors = type === 'cors';
  const readable = { ok, isCors, headers };
  if (status < 200 || (status >= 300 && status < 400)) return { ...readable, foreign: 'a redirect' };
  const text = !ok && response.body && method !== 'HEAD' ? await readStart(response.body) : '';
  if (ok) response.body?.cancel().catch(() => {});
  if (isForeign(readable, text, method)) return { ...readable, foreign: `HTTP ${status} ${typeOf(headers)}`.trim() };
  return ok
    ? readable
    : { ...readable, refusal: await toServiceError(new Response(text || null, response), method, []) };
}

const typeOf = (headers: Headers) => (headers.get('content-type') ?? '').replace(/;.*/s, '');

/** OSS marks each answer with a request ID. If CORS hides the mark, an answer counts as one of OSS unless its form is wrong. */
function isForeign({ ok, isCors, headers }: Answer, text: string, method: Method): boolean {
  if (headers.has('x-oss-request-id') || /<Error[\s>]/.test(text)) return false;
  if (!isCors || /html/.test(typeOf(headers))) return true;
  return !ok && method !== 'HEAD';
}
