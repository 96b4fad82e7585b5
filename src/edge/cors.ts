/** CORS for a list of origins. This file knows which headers browsers need, and that the Host header proves nothing. */

import { checkType } from '../check.ts';
import { Refusal } from './refusal.ts';

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

  preflight(): Response {
    const headers = {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600',
    };
    return new Response(null, { status: 204, headers });
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
