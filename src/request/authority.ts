/** Who authorises requests. The transport knows this interface only, so that a client with presigned URLs carries no signer. */

import type { Credentials } from './credentials.ts';
import type { OssRequest } from './request.ts';

/** A request that OSS will accept: its address, and the headers to send with it. */
export interface AuthorisedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What signed the request, where that is known here. Messages must not show it, and OSS may refuse it. */
  readonly credentials?: Credentials | undefined;
}

/** Authorises requests: with credentials, or with the help of somebody who has some. */
export interface Authority {
  /** True where a request that was refused may be authorised by other credentials. */
  readonly isRenewable: boolean;
  /** @param rejected credentials that OSS has just refused */
  authorise(request: OssRequest, rejected: Credentials | undefined): Promise<AuthorisedRequest>;
  /** OSS's clock is so many ms before ours. */
  correctClock(offset: number): void;
}
