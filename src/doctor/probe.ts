/** Sends the requests of the doctor, and reads their answers. No request of this file changes an object. */

import { CredentialsError, type ServiceError } from '../errors.ts';
import { redact } from '../redact.ts';
import type { OssClient } from '../request/client.ts';
import type { PresignedClient } from '../request/presigned.ts';
import { toServiceError } from '../request/refusal.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { withDeadline } from '../waiting/deadline.ts';
import type { DoctorOptions } from './options.ts';

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

type Strings = Readonly<Record<string, string>>;

/** What a request has besides its signature. */
export interface ProbeInit {
  /** Headers that the signature covers. */
  readonly signed?: Strings | undefined;
  /** Headers that the signature does not cover. OSS may refuse them, but only after the preflight. */
  readonly headers?: Strings | undefined;
  /** Length of the body, bytes. */
  readonly size?: number | undefined;
}

/** Sends requests for one key. */
export interface Probe {
  /** The address of the last request, without its query. */
  target: string;
  /** True if the last request got no answer in time. */
  isLate: boolean;
  /**
   * Runs work that ends within the time-out. Returns the error of the work in place of a result.
   *
   * @throws CredentialsError if nobody signs; after an abort, the signal's reason.
   */
  limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | Error>;
  /**
   * Sends a request with its signature in the query, so that a page can send it without a preflight. Returns undefined
   * if no answer came, or if the browser hides it. It sends the request again in this case, because one request may be
   * lost by chance.
   */
  send(method: Method, init?: ProbeInit): Promise<Answer | undefined>;
  /** Returns whether a server answers, also if the page may not read the answer. */
  reaches(url: string): Promise<boolean>;
}

/** OSS refuses an append at this position (409), because no object has exactly this length: 2.5 GiB and some bytes. */
const NOWHERE = 2_684_366_905;

const OPERATIONS = { GET: 'GetObject', HEAD: 'HeadObject', POST: 'AppendObject' } as const;

/** Makes a probe. Its parts are closures and not private members, because this makes the doctor smaller. */
export function makeProbe(client: OssClient | PresignedClient, key: string, options: DoctorOptions): Probe {
  const { timeout = 10_000, signal, presign } = options;

  const sign = async (method: Method, headers: Strings, size = 0): Promise<string> => {
    const operation = OPERATIONS[method];
    const what = { GET: { range: { start: 0, end: 0 } }, HEAD: {}, POST: { position: NOWHERE, size } }[method];
    const request = { headers, signal, ...what };
    if ('presignHeadObject' in client)
      return (await client[`presign${operation}`](key, { position: NOWHERE, ...request })).url;
    try {
      const name = operation.replace(/^./, (letter) => letter.toLowerCase()) as 'headObject';
      const given = await presign?.({ operation: name, key, ...request });
      return new URL(Object(given).url ?? given).href;
    } catch (error) {
      throw new CredentialsError(redact(String(error)), { code: 'PresignFailed' });
    }
  };

  const fetchFresh = (url: string, init: RequestInit): Promise<Response> => {
    const { fetch = globalThis.fetch } = options;
    // An old answer from a cache says nothing. Only a page has a cache, and Workers know this setting since 2024 only.
    return fetch(url, globalThis.location ? { ...init, cache: 'no-store' } : init);
  };

  const probe: Probe = {
    target: '',
    isLate: false,

    limited(work) {
      probe.isLate = false;
      const expired = () => {
        probe.isLate = true;
        return new Error();
      };
      const limits = { clock: client.retry.clock, timeout, signal, expired };
      return withDeadline(limits, (deadline) => work(deadline.signal)).catch((error) => {
        throwIfAborted(signal);
        if (error instanceof CredentialsError) throw error;
        return error;
      });
    },

    async send(method, { signed = {}, headers, size } = {}) {
      const attempt = () =>
        probe.limited(async (deadline) => {
          // Browsers send this range without a preflight, and one byte is enough.
          const range = method === 'GET' ? { range: 'bytes=0-0' } : {};
          const url = await sign(method, signed, size);
          probe.target = url.replace(/\?.*/s, '');
          const init: RequestInit = {
            method,
            headers: { ...range, ...signed, ...headers },
            redirect: 'manual',
            signal: deadline,
          };
          if (size) init.body = new Uint8Array(size);
          return toAnswer(await fetchFresh(url, init), method);
        });
      let answer = await attempt();
      if (answer instanceof Error && !probe.isLate) answer = await attempt();
      return answer instanceof Error ? undefined : answer;
    },

    async reaches(url) {
      const answer = await probe.limited((deadline) =>
        fetchFresh(url, { method: 'HEAD', mode: 'no-cors', signal: deadline }),
      );
      return !(answer instanceof Error);
    },
  };
  return probe;
}

async function toAnswer(response: Response, method: Method): Promise<Answer> {
  const { ok, status, headers, type } = response;
  const isCors = type === 'cors';
  const refusal = ok ? undefined : await toServiceError(response, method, []);
  if (ok) response.body?.cancel();
  const foreign = `HTTP ${status} ${headers.get('content-type') ?? ''}`;
  // OSS marks each answer with a request ID. If CORS hides the mark, an error is known by its code in XML.
  const isMarked = headers.has('x-oss-request-id') || (refusal && !/^Http/.test(refusal.code));
  const isPage = !isMarked && (!isCors || /html/.test(foreign) || (!ok && method !== 'HEAD'));
  // A browser shows a redirect as status 0.
  return { ok, isCors, headers, refusal, foreign: isPage || (!ok && status < 400) ? foreign : undefined };
}
