/**
 * Decides whether an answer comes from OSS. Captive portals and proxies answer with redirects, and with pages of their
 * own.
 */

import type { Expected } from './request.ts';

/** OSS writes this header into each answer. CORS may hide it from a page. */
const MARK = 'x-oss-request-id';

/** What one client knows about the mark of OSS's answers. */
export class Origin {
  /** True if every answer must have the mark. Undefined until an answer has had it. */
  #isMarkVisible: boolean | undefined;

  /** @param isMarkVisible what the caller knows about the bucket's CORS rule */
  constructor(isMarkVisible: boolean | undefined) {
    this.#isMarkVisible = isMarkVisible;
  }

  /**
   * Returns true if the answer does not come from OSS. The mark proves that it does. CORS may hide the mark. Then an
   * answer without it is accepted if it looks like an answer of OSS: HTTP 200 without a body for an append, or a date
   * of the object for a read.
   *
   * @param rest the first character of the body, if no body is expected
   */
  isForeign(response: Response, expected: Expected, rest: string): boolean {
    const { headers, ok, redirected, status } = response;
    const isMarked = headers.has(MARK);
    if (isMarked) this.#isMarkVisible ??= true;
    if (redirected || (!ok && status < 400)) return true;
    if (ok && expected === 'empty' && status !== 200) return true;
    if (isMarked) return false;
    if (this.#needsMark(response)) return ok || status === 404;
    return ok && (expected === 'empty' ? rest !== '' : !headers.has('last-modified'));
  }

  /**
   * An answer needs the mark if an earlier answer had it, or if the answer is HTML. In Node and Deno (type `basic`)
   * every answer needs it, because they have no CORS.
   */
  #needsMark({ headers, type }: Response): boolean {
    return this.#isMarkVisible ?? (type === 'basic' || /html/.test(headers.get('content-type') ?? ''));
  }
}
