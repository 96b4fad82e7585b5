/**
 * Entry "./xhr": a `fetch` built on XMLHttpRequest, because the platform's `fetch` cannot report how much of a body was
 * sent. This file hides the events, the header format of XMLHttpRequest, and its status 0 for every failure.
 */

import type { FetchInit } from './request/request.ts';
import { throwIfAborted } from './waiting/abort.ts';

/** Answers with these statuses have no body, and `Response` throws for one. */
const NULL_BODY = [204, 205, 304];

/**
 * Does what `fetch` does, but with XMLHttpRequest, so that a page can show upload progress in bytes. Pass it to
 * `OssClient` as `fetch`; then `sent` in `onprogress` also moves within a segment. `init.onprogress` reports the bytes
 * that the browser has passed to the network, at most every 50 ms. These bytes are not yet stored, because network
 * buffers hold up to 4 MB.
 *
 * If anything listens to an upload, the browser first asks for permission (a CORS preflight), even for a query-signed
 * append, which otherwise needs none. So the function listens to the upload only if `onprogress` is given.
 *
 * A request without a body goes to the platform's `fetch`, which streams the answer and supports `cache`. Where there is
 * no XMLHttpRequest (Node, service workers, edge workers), every request goes to `fetch`, and `init.onprogress` is not
 * called. So one client serves a page and its service worker. For other requests, the function supports `method`, `headers`, `body`, `signal`, `credentials: 'include'` and `redirect`.
 * XMLHttpRequest follows every redirect, and nothing can prevent this. If the target of the redirect allows it (CORS),
 * the body and the headers, including a token, are sent there. With `redirect: 'manual'` (`OssClient` uses this value)
 * or `'error'`, the promise then rejects. The promise resolves after the whole body of the answer has arrived.
 *
 * @throws TypeError before any request, if XMLHttpRequest would have to send a stream.
 * @throws TypeError as `fetch` does, if the URL or the method is invalid or no answer came. After an abort, the
 *   signal's reason.
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
  const hasNoBody = body === undefined || body === null || /^(GET|HEAD)$/i.test(method);
  if (hasNoBody || typeof XMLHttpRequest === 'undefined') return fetch(url, init);
  if (body instanceof ReadableStream) throw new TypeError('xhrFetch cannot send a stream: use bytes or a Blob');
  throwIfAborted(signal);
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
    // The message of `cause` is not copied, because it may contain the URL, and the URL may contain a signature.
    throw new TypeError('Failed to fetch: the URL or the method is invalid', { cause });
  }
  xhr.responseType = 'arraybuffer';
  xhr.withCredentials = credentials === 'include';
  new Headers(headers).forEach((value, name) => {
    xhr.setRequestHeader(name, value);
  });
  if (onprogress) watch(xhr.upload, onprogress);
  return xhr;
}

/**
 * Reports the progress. The browser may omit the last `progress` event if it comes too soon after another one, but
 * `load` always comes.
 */
function watch(upload: XMLHttpRequestUpload, onprogress: NonNullable<FetchInit['onprogress']>): void {
  const report = ({ loaded, total }: ProgressEvent) => onprogress({ loaded, total });
  upload.addEventListener('progress', report);
  upload.addEventListener('load', report);
}

/** Sends the body, and resolves when the whole answer has arrived. */
async function exchange(
  xhr: XMLHttpRequest,
  body: Exclude<BodyInit, ReadableStream>,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  const abort = () => xhr.abort();
  const ended = new Promise<void>((resolve, reject) => {
    const fail = () => reject(new TypeError('Failed to fetch'));
    xhr.addEventListener('load', () => resolve());
    xhr.addEventListener('error', fail);
    xhr.addEventListener('abort', fail);
  });
  signal?.addEventListener('abort', abort);
  try {
    xhr.send(body);
    await ended;
  } catch (error) {
    throwIfAborted(signal);
    throw error;
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
  // Only the network can set these properties of a Response. A redirect to the same URL cannot be detected.
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
