/** The settings of the doctor. */

import type { ObjectOptions } from '../request/headers.ts';
import type { Presign } from '../request/presigner.ts';
import type { Fetch } from '../request/request.ts';

/** How the doctor examines. If your first append sets `contentType` or `headers`, give the same values here. */
export interface DoctorOptions extends ObjectOptions {
  /** The origin of the page, such as `https://www.example.com`. Default: the origin of this page, if there is one. */
  readonly origin?: string | undefined;
  /** The presign function of a `PresignedClient`. The doctor signs its own requests with it. */
  readonly presign?: Presign | undefined;
  /** The `fetch` of the client, if it has its own. Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** With true, the doctor appends one line of text to the object, and creates the object if it is absent. Default false. */
  readonly write?: boolean | undefined;
  /** Length of the largest body that the doctor sends to find a limit, bytes. Default 2,097,152. With 0 it sends none. */
  readonly bodySize?: number | undefined;
  /** Time-out of one request, ms. Default 10,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
