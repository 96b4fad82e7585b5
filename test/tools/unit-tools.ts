/**
 * Tools for the tests below the engine: a manual clock, a `fetch` that follows a script, and all text that an error can
 * show.
 */
import { inspect } from 'node:util';
import { OssClient, type OssClientOptions } from '../../src/request/client.ts';
import type { Fetch, FetchInit } from '../../src/request/request.ts';
import { LocalOss, type LocalOssOptions } from '../../src/testing/index.ts';
import { VirtualClock } from './virtual-clock.ts';

/** The permanent keys of {@link localOss}. */
export const KEYS = { accessKeyId: 'LTAIunit', accessKeySecret: 'UnitSecretUnitSecretUnitSecret' };
/** Credentials like those of STS. The token is base64 and contains every character that must be encoded. */
export const STS = {
  accessKeyId: 'STS.unit',
  accessKeySecret: 'StsSecretStsSecretStsSecretSts',
  securityToken: 'CAIS+/unit/Token+With/Every=Sign==',
};

/** One request that reached `fetch`. */
export interface Sent {
  readonly url: URL;
  readonly init: FetchInit;
  readonly headers: Headers;
}

type Answer = Response | Error | ((sent: Sent) => Response | Promise<Response>);

/** A `fetch` that returns these answers one after the other, and then the last one again and again. */
export function scripted(...answers: Answer[]): { readonly fetch: Fetch; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const fetch: Fetch = async (url, init) => {
    const request = { url: new URL(url), init, headers: new Headers(init.headers) };
    sent.push(request);
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    if (typeof answer === 'function') return answer(request);
    if (!answer) throw new Error('The script has no answers');
    return answer.clone();
  };
  return { fetch, sent };
}

/** Never answers. Like `fetch`, it rejects when the signal is aborted. */
export function hanging({ init }: Sent): Promise<Response> {
  return new Promise((_, reject) => {
    init.signal?.addEventListener('abort', () => reject(init.signal?.reason), { once: true });
  });
}

/** Makes OSS's answer to an append. */
export function appended(next: number, headers: Record<string, string> = {}): Response {
  return new Response(null, {
    headers: {
      'x-oss-request-id': 'REQ',
      'x-oss-next-append-position': String(next),
      'x-oss-hash-crc64ecma': '1',
      ...headers,
    },
  });
}

/** Makes an error answer of OSS, with additional XML elements. */
export function refused(
  status: number,
  code: string,
  elements: Record<string, string> = {},
  headers: Record<string, string> = {},
): Response {
  return new Response(errorXml(code, elements), {
    status,
    headers: { 'content-type': 'application/xml', 'x-oss-request-id': 'REQ', ...headers },
  });
}

/** Makes the XML document of an error in the form of OSS. */
export function errorXml(code: string, elements: Record<string, string> = {}): string {
  const all = { Code: code, Message: `${code} it is.`, RequestId: 'REQ', HostId: 'host', ...elements };
  const lines = Object.entries(all).map(([name, value]) => `  <${name}>${value}</${name}>\n`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n${lines.join('')}</Error>\n`;
}

/** Makes a client of bucket `logs` that has an STS token and its own clock. `options` replaces any of these. */
export function makeClient(options: Partial<OssClientOptions> = {}): OssClient {
  const defaults = { region: 'cn-hangzhou', bucket: 'logs', clock: new VirtualClock(), credentials: STS };
  return new OssClient({ ...defaults, ...options });
}

/** Makes a LocalOss with bucket `logs` and {@link KEYS}. */
export function localOss(options: Partial<LocalOssOptions> = {}): LocalOss {
  return new LocalOss({
    buckets: { logs: { region: 'cn-hangzhou' } },
    accessKeys: { [KEYS.accessKeyId]: KEYS.accessKeySecret },
    ...options,
  });
}

/** An AbortController whose signal counts its listeners. */
export function countedAbort(): { readonly controller: AbortController; readonly listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const on = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    on.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    on.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  return { controller, listeners: () => on.size };
}

/** Returns the error of a call. If the call does not fail, it throws. */
export async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => expectFailure(value),
    (error: unknown) => error,
  );
}

function expectFailure(value: unknown): never {
  throw new Error(`The call should have failed, but it returned ${inspect(value)}`);
}

/** Returns all text that an error can show, including its causes and hidden properties. */
export function printed(error: unknown): string {
  const parts: string[] = [inspect(error, { depth: 20, showHidden: true, getters: true }), String(error)];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const own = Object.fromEntries(
      Object.getOwnPropertyNames(at).map((name) => [name, Reflect.get(at as Error, name)]),
    );
    parts.push(
      at.message,
      at.stack ?? '',
      JSON.stringify(at),
      JSON.stringify(own, (_, value) => value ?? null),
    );
  }
  return parts.join('\n');
}

/** Returns the UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Reads a body as text. */
export function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  return new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}
