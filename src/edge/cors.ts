/** CORS for a list of origins. This file knows which headers browsers need, and that the Host header proves nothing. */

import { checkType } from '../check.ts';
import { Refusal } from './refusal.ts';

/** The headers that pages send on every route. Users who sign in without cookies need `authorization`. */
const SENT = 'authorization, content-type';
/** The headers that pages send with resumable uploads. */
const SENT_WITH_UPLOADS =
  'tus-resumable, upload-length, upload-defer-length, upload-metadata, upload-offset, upload-checksum, upload-concat, upload-complete, upload-draft-interop-version, content-digest, content-disposition, x-http-method-override, x-request-id, x-requested-with';
/** The headers of resumable uploads that pages read. Scripts cannot read them otherwise. */
const READ = [
  ...['location', 'upload-offset', 'upload-length', 'upload-metadata', 'upload-expires', 'upload-complete'],
  ...['upload-defer-length', 'retry-after'],
  ...['upload-limit', 'tus-resumable', 'tus-version', 'tus-extension', 'tus-max-size', 'tus-checksum-algorithm'],
];

/** What the answer to `OPTIONS` depends on. */
interface Preflight {
  readonly isUpload?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers the pages of the listed origins, and refuses the pages of all other origins. */
export class Cors {
  readonly #origins: readonly string[];

  /** @throws TypeError if `origins` is not a list of origins. */
  constructor(origins: readonly string[]) {
    checkType(
      Array.isArray(origins) && origins.every(isOrigin),
      'origins must be a list of origins such as https://app.example.com',
    );
    this.#origins = [...origins];
  }

  /**
   * Refuses pages of other origins. Browsers send `Origin` with every POST, and no page can forge that header. Only the
   * list counts. A page whose DNS name was changed to point at this service sends the service's own `Host`. So a
   * service whose own pages call it must list its own origin too.
   */
  check({ headers }: Request): void {
    const origin = headers.get('origin');
    if (origin === null || this.#origins.includes(origin)) return;
    throw new Refusal(403, 'ForbiddenOrigin', 'This origin may not call this service');
  }

  /** Answers `OPTIONS`. The headers are those of the route, for clients that are not pages. */
  preflight({ isUpload, headers = {} }: Preflight = {}): Response {
    const allowed = {
      'access-control-allow-methods': isUpload ? 'GET, POST, HEAD, PATCH, DELETE' : 'GET, POST',
      'access-control-allow-headers': isUpload ? `${SENT}, ${SENT_WITH_UPLOADS}` : SENT,
      'access-control-max-age': '600',
    };
    return new Response(null, { status: 204, headers: { ...headers, ...allowed } });
  }

  /** Returns the response with the CORS headers. Only a page of a listed origin can read it. */
  apply({ headers }: Request, response: Response): Response {
    const origin = headers.get('origin');
    // This is a copy, because the headers of a response that came from `fetch` cannot be changed.
    const copy = new Response(response.body, response);
    copy.headers.append('vary', 'Origin');
    if (origin === null || !this.#origins.includes(origin)) return copy;
    copy.headers.set('access-control-allow-origin', origin);
    copy.headers.set('access-control-allow-credentials', 'true');
    if (READ.some((name) => copy.headers.has(name))) copy.headers.set('access-control-expose-headers', READ.join(', '));
    return copy;
  }
}

function isOrigin(text: unknown): boolean {
  if (typeof text !== 'string' || !/^https?:/.test(text)) return false;
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
}
