/**
 * Entry "./xhr": a `fetch` made of XMLHttpRequest, for the one thing that `fetch` cannot tell: how much of a body is on its
 * way. Hides events, XMLHttpRequest's spelling of headers, and its disguise of every failure as status 0.
 */

import type { FetchInit } from './request/operation.ts';
import { throwIfAborted } from './waiting/abort.ts';

/** These have no body, and `Response` refuses one. */
const NULL_BODY = [204, 205, 304];

/**
 * `fetch` on XMLHttpRequest, for byte-level upload progress in a page: give it to `OssClient` as `fetch`, and `sent` in
 * `onprogress` moves within a segment. `init.onprogress` is told the bytes handed to the network, at most every 50 ms; the
 * network's buffers take up to 4 MB in advance, so handed over is not yet stored.
 *
 * Listening to an upload makes the browser ask for permission first (a CORS preflight), even for a query-signed append
 * that needs none otherwise. So the upload is listened to only where `onprogress` is given.
 *
 * A request without a body has nothing to listen to: it goes to the platform's `fetch`, which streams its answer and heeds
 * `cache`. Of the other settings, `method`, `headers`, `body`, `signal`, `credentials: 'include'` and `redirect` count here.
 * XMLHttpRequest follows every redirect, and nothing can prevent that: the body and the headers, a token too, go to the place
 * that the redirect names, where that place allows it (CORS). With `redirect: 'manual'`, which `OssClient` asks for, and with
 * `'error'` the promise then rejects. The answer's body is read whole before the promise resolves.
 *
 * @throws TypeError where there is no XMLHttpRequest (Node, service workers, edge workers), and for a stream as body, before
 * any request; and as `fetch` does for an impossible URL or method, and where no answer came. After an abort, the signal's reason.
 * @see https://xhr.spec.whatwg.org/
 * @example
 * ```ts
 * import { append, credentialsFromUrl, OssClient } from 'oss-append';
 * import { xhrFetch } from 'oss-append/xhr';
 *
 * const credentials = credentialsFromUrl('/sts');
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-logs', credentials, fetch: xhrFetch });
 *
 * async function upload(file: File, bar: HTMLProgressElement) {
 *   bar.max = file.size;
 *   await append(client, file.name, file, { onprogress: ({ sent }) => { bar.value = sent; } });
 * }
 * ```
 */
export async function xhrFetch(url: string, init: FetchInit = {}): Promise<Response> {
  const { body, signal, redirect, method = 'GET' } = init;
  if (typeof XMLHttpRequest === 'undefined')
    throw new TypeError('xhrFetch needs XMLHttpRequest, which pages and dedicated workers have: use fetch here');
  if (body instanceof ReadableStream) throw new TypeError('xhrFetch cannot send a stream: use bytes or a Blob');
  throwIfAborted(signal);
  if (body === undefined || body === null || /^(GET|HEAD)$/i.test(method)) return fetch(url, init);
  const xhr = open(url, init);
  await exchange(xhr, body, signal);
  const response = toResponse(xhr, url);
  if (redirect && redirect !== 'follow' && response.redirected)
    throw new TypeError('Failed to fetch: the request was redirected');
  return response;
}

function open(url: string, { method = 'GET', headers, credentials, onprogress }: FetchInit): XMLHttpRequest {
  const xhr = new XMLHttpRequest();
  try {
    xhr.open(method, url);
  } catch (cause) {
    // Not the message: it may quote the URL, which may hold a signature.
    throw new TypeError('Failed to fetch: the URL or the method is impossible', { cause });
  }
  xhr.responseType = 'arraybuffer';
  xhr.withCredentials = credentials === 'include';
  new Headers(headers).forEach((value, name) => {
    xhr.setRequestHeader(name, value);
  });
  if (onprogress) watch(xhr.upload, onprogress);
  return xhr;
}

/** The last `progress` may be left out for being too soon after another; `load` comes always. */
function watch(upload: XMLHttpRequestUpload, onprogress: NonNullable<FetchInit['onprogress']>): void {
  const report = ({ loaded, total }: ProgressEvent) => onprogress({ loaded, total });
  upload.addEventListener('progress', report);
  upload.addEventListener('load', report);
}

/** Sends, and resolves when the whole answer is there. */
async function exchange(
  xhr: XMLHttpRequest,
  body: Exclude<BodyInit, ReadableStream>,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  let abort = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    const fail = () => reject(new TypeError('Failed to fetch'));
    xhr.addEventListener('load', () => resolve());
    xhr.addEventListener('error', fail);
    xhr.addEventListener('abort', fail);
    abort = () => {
      reject(signal?.reason);
      xhr.abort();
    };
  });
  signal?.addEventListener('abort', abort);
  try {
    xhr.send(body);
    await ended;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function toResponse(xhr: XMLHttpRequest, url: string): Response {
  const { status, statusText, responseURL } = xhr;
  const body: ArrayBuffer | null = NULL_BODY.includes(status) ? null : xhr.response;
  const response = new Response(body, { status, statusText, headers: headersOf(xhr) });
  const asked = new URL(url, globalThis.location?.href);
  asked.hash = '';
  // Only the network sets these on a Response. A redirect to the same URL does not show.
  const redirected = responseURL !== '' && responseURL !== asked.href;
  return Object.defineProperties(response, { url: { value: responseURL }, redirected: { value: redirected } });
}

function headersOf(xhr: XMLHttpRequest): Headers {
  const headers = new Headers();
  for (const line of xhr.getAllResponseHeaders().split('\r\n').filter(Boolean)) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}
