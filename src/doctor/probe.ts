/** Sends the requests of the doctor, and reads their answers. No request of this file changes an object. */

import { CredentialsError, type ServiceError } from '../errors.ts';
import { redact } from '../redact.ts';
import type { OssClient } from '../request/client.ts';
import type { PresignedClient } from '../request/presigned.ts';
import { toServiceError } from '../request/refusal.ts';
import { initOf } from '../request/transport.ts';
import { withDeadline } from '../waiting/deadline.ts';
import { causeOf, type FindingCode } from './findings.ts';
import type { DoctorOptions } from './options.ts';

/** The part of an answer that the doctor judges. */
export interface Answer extends Response {
  /** The method of the request. */
  readonly method: Method;
  /** The refusal of OSS, and its cause. A refusal of a healthy bucket has no cause. */
  readonly refusal?: ServiceError | undefined;
  readonly cause?: FindingCode | undefined;
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
  /** The signed address of the last request. */
  target: string;
  /** True if the last request got no answer in time. */
  isLate: boolean;
  /**
   * Runs work that ends within the time-out. Returns the error of the work in place of a result.
   *
   * @throws CredentialsError if there is no signature; after an abort, the signal's reason.
   */
  limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | Error>;
  /**
   * Sends a request with its signature in the query, so that a page can send it without a preflight. Returns undefined
   * if no answer came, or if the browser hides it. It sends the request again in this case, and after an error of the
   * server, because both may happen once by chance.
   */
  send(method: Method, init?: ProbeInit): Promise<Answer | undefined>;
  /** Asks the address of the last request. Resolves to an answer that the page may not read, or to undefined. */
  reach(): Promise<Response | undefined>;
}

/** OSS refuses an append at this position (409), because no object has exactly this length: a byte less than 5 GB. */
const NOWHERE = 4_999_999_999;

const OPERATIONS = {
  GET: ['getObject', 'presignGetObject', { range: { start: 0, end: 0 } }],
  HEAD: ['headObject', 'presignHeadObject', {}],
  POST: ['appendObject', 'presignAppendObject', { position: NOWHERE, size: 0 }],
} as const;

/** Makes a probe. Its parts are closures and not private members, because this makes the doctor smaller. */
export function makeProbe(client: OssClient | PresignedClient, key: string, options: DoctorOptions): Probe {
  const { timeout = 10_000, signal, presign, fetch = globalThis.fetch } = options;

  const sign = async (method: Method, headers: Strings, size = 0): Promise<string> => {
    const [operation, name, what] = OPERATIONS[method];
    const request = { headers, signal, ...what, ...(size && { size }) };
    if ('presignHeadObject' in client)
      return (await client[name](key, request as typeof request & { position: number })).url;
    try {
      const given = await presign?.({ operation, key, ...request });
      return new URL(Object(given).url ?? given).href;
    } catch (error) {
      throw new CredentialsError(redact(String(error)), { code: 'PresignFailed' });
    }
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
      const { clock } = client.retry;
      return withDeadline({ clock, timeout, signal, expired }, (deadline) => work(deadline.signal)).catch((error) => {
        if (signal?.aborted || error instanceof CredentialsError) throw error;
        return error;
      });
    },

    send: (method, { signed = {}, headers, size } = {}) =>
      twice(async (signal) => {
        // Browsers send this range without a preflight, and one byte is enough.
        const range = method === 'GET' ? { range: 'bytes=0-0' } : {};
        probe.target = await sign(method, signed, size);
        const init = initOf(
          { method, body: size ? new Uint8Array(size) : undefined },
          { headers: { ...range, ...signed, ...headers } },
          signal,
        );
        return toAnswer(await fetch(probe.target, init), method);
      }),

    reach: () => twice((signal) => fetch(probe.target, { method: 'HEAD', mode: 'no-cors', signal })),
  };

  /**
   * Sends a request again after a short wait if it was lost, or if the server was busy or failed, because this may happen
   * once by chance. Returns undefined if there is no answer.
   */
  const twice = async <T extends Response>(work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> => {
    let result = await probe.limited(work);
    if (!probe.isLate && (result instanceof Error || result.status >= 500)) {
      await client.retry.again(1, { signal });
      result = await probe.limited(work);
    }
    return result instanceof Error ? undefined : result;
  };
  return probe;
}

async function toAnswer(response: Response, method: Method): Promise<Answer> {
  const { ok, status, headers, type } = response;
  const refusal = ok ? undefined : await toServiceError(response, method, []);
  if (ok) response.body?.cancel();
  const what = `HTTP ${status} ${headers.get('content-type') ?? ''}`;
  // OSS marks each answer with a request ID. If CORS hides the mark, an error is known by its code in XML.
  const isMarked = headers.has('x-oss-request-id') || (refusal && !/^Http/.test(refusal.code));
  // An object may be HTML, too. OSS sends the date of its last change, which a page may always read.
  const isHtml = /html/.test(what) && !headers.has('last-modified');
  const isPage = !isMarked && (type !== 'cors' || isHtml || (!ok && method !== 'HEAD'));
  // A browser shows a redirect as status 0. OSS refuses every append of the doctor, so an accepted append shows a portal.
  const foreign = isPage || (ok ? method === 'POST' : status < 400 && !isMarked) ? what : undefined;
  const cause = refusal && causeOf(`${refusal.code} ${refusal.ec} ${refusal.message}`);
  return Object.assign(response, { method, refusal, cause, foreign });
}
