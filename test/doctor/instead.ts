/** Answers that a test sends in place of LocalOss, for example those of a proxy or of another storage service. */

import { EXPOSED_HEADERS } from '../../src/request/exposed-headers.ts';
import type { Fetch } from '../../src/request/request.ts';

/** One answer. All parts are data, because they are sent to a page. */
export interface Instead {
  /** The requests that get this answer. Default: all but preflights. */
  readonly methods?: readonly ('GET' | 'HEAD' | 'POST')[];
  /** How many of these requests get the answer. Default: all. */
  readonly times?: number;
  /** Only requests whose body has more bytes than this get the answer. */
  readonly over?: number;
  readonly status: number;
  /** The refusal of OSS. A code of another service needs `isForeign`. */
  readonly code?: string;
  readonly message?: string;
  /** The body of a server that is not OSS, and its type. */
  readonly body?: string;
  readonly type?: string;
  /** True if another server than OSS answers, so the answer has no request ID of OSS. */
  readonly isForeign?: boolean;
  /** Headers in addition to those that each answer has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Returns a network that gives these answers, and asks LocalOss for all others. */
export function networkOf(answers: readonly Instead[], oss: Fetch): Fetch {
  const left = answers.map(({ times = Number.POSITIVE_INFINITY }) => times);
  const sizeOf = (body: unknown) => (body instanceof Uint8Array ? body.byteLength : 0);
  return async (url, init) => {
    const { method = 'GET' } = init;
    const place = answers.findIndex(
      ({ methods = ['GET', 'HEAD', 'POST'], over = -1 }, n) =>
        left[n]! > 0 && methods.some((name) => name === method) && sizeOf(init.body) > over,
    );
    const answer = answers[place];
    if (!answer) return oss(url, init);
    left[place]!--;
    return toResponse(answer, method);
  };
}

function toResponse(answer: Instead, method: string): Response {
  const { status, code, message = '', body = '', type = 'application/xml', isForeign, headers } = answer;
  const xml = code ? `<Error><Code>${code}</Code><Message>${message}</Message></Error>` : body;
  const own = {
    'content-type': type,
    'access-control-allow-origin': '*',
    'access-control-expose-headers': EXPOSED_HEADERS.join(),
    ...(!isForeign && { 'x-oss-request-id': crypto.randomUUID(), 'x-oss-ec': '0000-00000000' }),
    date: new Date().toUTCString(),
    ...(!isForeign && method === 'HEAD' && { 'x-oss-err': btoa(xml) }),
    ...headers,
  };
  return new Response(method === 'HEAD' ? null : xml, { status, headers: own });
}
