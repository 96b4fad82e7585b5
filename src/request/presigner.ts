/** Authorises requests with URLs that somebody else has signed. So no key and no signer is needed here. */

import { checkFunction, checkType } from '../check.ts';
import { CredentialsError } from '../errors.ts';
import { redact } from '../redact.ts';
import type { Clock } from '../waiting/clock.ts';
import { withDeadline } from '../waiting/deadline.ts';
import type { AuthorisedRequest, Authority } from './authority.ts';
import type { OssRequest, PresignRequest } from './request.ts';

/** Asks somebody who has the key, for example an edge worker, to sign one request. Returns its URL. */
export type Presign = (
  request: PresignRequest,
) => string | { readonly url: string } | Promise<string | { readonly url: string }>;

/**
 * Asks a presign function for each attempt. It is asked again after a refusal, so it can sign with a new time or a new
 * key.
 */
export class Presigner implements Authority {
  readonly isRenewable = true;
  readonly #presign: Presign;
  readonly #clock: Clock;
  readonly #timeout: number;

  constructor(presign: Presign, clock: Clock, timeout: number) {
    checkType(presign, 'presign is missing; for credentials use OssClient');
    checkFunction('presign', presign);
    this.#presign = presign;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** Does nothing, because the signing side uses its own clock. */
  correctClock(): void {}

  async authorise(request: OssRequest & PresignRequest): Promise<AuthorisedRequest> {
    const { headers, signal, attempted } = request;
    const expired = (timeout: number) =>
      new CredentialsError(`Cannot ${attempted}: the presign function gave no URL within ${timeout} ms`, {
        code: 'TimeoutError',
      });
    const limits = { clock: this.#clock, timeout: this.#timeout, signal, expired };
    const url = await withDeadline(limits, (deadline) => this.#askForUrl(request, deadline.signal));
    if (!/^https?:\/\/[^/?#@]+([/?#]|$)/i.test(url)) throw failed(attempted);
    const sent = { ...headers };
    // OSS refuses a header that is also in the query.
    const query = url.replace('?', '&');
    for (const name of Object.keys(headers)) if (query.includes(`&${name}=`)) delete sent[name];
    return { url, headers: sent };
  }

  async #askForUrl(request: OssRequest & PresignRequest, signal: AbortSignal): Promise<string> {
    const { operation, key, position, size, range, decode, headers, attempted } = request;
    try {
      const given = await this.#presign({ operation, key, position, size, range, decode, headers, signal });
      return typeof given === 'string' ? given : String(given?.url);
    } catch (cause) {
      throw failed(attempted, cause);
    }
  }
}

function failed(attempted: string, cause?: unknown): CredentialsError {
  const why = cause instanceof Error ? ` (${redact(cause.message)})` : '';
  const message = `Cannot ${attempted}: the presign function gave no http(s) URL${why}`;
  return new CredentialsError(message, { code: 'PresignFailed', cause });
}
