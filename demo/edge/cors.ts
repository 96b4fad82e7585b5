/** CORS for a list of origins. Hides which headers browsers ask for, and that the Host header proves nothing. */
import { Refusal } from './refusal.ts';

/** Answers pages of the named origins, and refuses the pages of all others. */
export class Cors {
  readonly #origins: readonly string[];

  /** @throws TypeError for what is no list of origins. */
  constructor(origins: readonly string[]) {
    if (!Array.isArray(origins) || !origins.every(isOrigin))
      throw new TypeError('origins must be a list of origins such as https://app.example.com');
    this.#origins = [...origins];
  }

  /**
   * Refuses pages of other origins. Browsers send `Origin` with every POST and no page can forge it. Only the list counts: a
   * page whose DNS name was pointed at this service has the service's own `Host`, so a service whose pages call it lists its
   * own origin too.
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

  /** The response, readable for the page that asked if its origin is listed. */
  apply({ headers }: Request, response: Response): Response {
    const origin = headers.get('origin');
    // A copy, because the headers of a response that came from `fetch` cannot be changed.
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
