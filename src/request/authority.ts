/**
 * Who authorises requests. The transport knows only this interface, so a client with presigned URLs carries no signer.
 */

import type { Credentials } from './credentials.ts';
import type { OssRequest } from './request.ts';

/** An authorised request: its address, and the headers to send with it. */
export interface AuthorisedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The credentials that signed the request, if they are known here. Messages must not show them, and OSS may refuse
   * them.
   */
  readonly credentials?: Credentials | undefined;
}

/** Authorises requests: with credentials, or by asking somebody who has credentials. */
export interface Authority {
  /** True if other credentials may authorise a request that OSS has refused. */
  readonly isRenewable: boolean;
  /** @param rejected credentials that OSS has just refused */
  authorise(request: OssRequest, rejected: Credentials | undefined): AuthorisedRequest | Promise<AuthorisedRequest>;
  /**
   * Corrects the time of signatures: OSS's clock is `offset` ms ahead of the local clock. It is negative if OSS's clock
   * is behind.
   */
  correctClock(offset: number): void;
}
