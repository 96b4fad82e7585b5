/**
 * A client whose appends go through the edge: the page has neither a key nor a signature, and the edge appends each body
 * to the object. It has the methods that `AppendableObject` needs, so pause, resume and proof work as with OSS itself.
 */
import {
  type AppendBody,
  type AppendClient,
  type AppendObjectOptions,
  type AppendObjectResult,
  type CallOptions,
  type GetObjectOptions,
  type ObjectContent,
  type ObjectHead,
  type ObjectTail,
  ServiceError,
  TransportError,
} from '../../../src/index.ts';
import type { Fetch } from './watch.ts';

export interface PipeOptions {
  /** The address of the edge, without a slash at its end. */
  readonly edge: string;
  /** Sends the requests. `xhrFetch` also reports the bytes that were sent. */
  readonly fetch: Fetch;
  /**
   * Reads bytes back, which the routes of the pipe do not offer. That is needed only if another request stored bytes in
   * the meantime. A `PresignedClient` with grants of the same edge can do it.
   */
  readonly reader: Pick<AppendClient, 'getObject' | 'retry'>;
}

export class PipeClient implements AppendClient {
  readonly retry: AppendClient['retry'];
  readonly #edge: string;
  readonly #fetch: Fetch;
  readonly #reader: PipeOptions['reader'];

  constructor({ edge, fetch, reader }: PipeOptions) {
    this.#edge = edge;
    this.#fetch = fetch;
    this.#reader = reader;
    this.retry = reader.retry;
  }

  async appendObject(key: string, body: AppendBody, options: AppendObjectOptions): Promise<AppendObjectResult> {
    const { position, contentType, signal, onprogress } = options;
    const init = {
      method: 'POST',
      body: bodyOf(body, contentType),
      ...(signal && { signal }),
      ...(onprogress && { onprogress }),
    };
    const tail = await this.#ask(`Cannot append to "${key}"`, `${this.#urlOf(key)}?position=${position}`, init);
    return {
      nextAppendPosition: tail.position,
      hashCrc64ecma: tail.hashCrc64ecma,
      etag: undefined,
      requestId: undefined,
    };
  }

  async headObject(key: string, { signal }: CallOptions = {}): Promise<ObjectHead> {
    const { position, hashCrc64ecma } = await this.#askAgain(`Cannot read "${key}"`, this.#urlOf(key), signal);
    return {
      contentLength: position,
      objectType: 'Appendable',
      nextAppendPosition: position,
      hashCrc64ecma: hashCrc64ecma ?? '0',
      requestId: undefined,
      headers: new Headers(),
    };
  }

  getObject(key: string, options: GetObjectOptions = {}): Promise<ObjectContent> {
    return this.#reader.getObject(key, options);
  }

  #urlOf(key: string): string {
    return `${this.#edge}/upload/${encodeURIComponent(key)}`;
  }

  /** Reading changes nothing, so it is repeated after a failure that may pass. */
  async #askAgain(attempted: string, url: string, signal: AbortSignal | undefined): Promise<ObjectTail> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.#ask(attempted, url, signal ? { signal } : {});
      } catch (error) {
        const mayPass = error instanceof TransportError || (error instanceof ServiceError && error.status >= 500);
        if (!mayPass || !(await this.retry.again(failures, { error, signal }))) throw error;
      }
    }
  }

  async #ask(attempted: string, url: string, init: RequestInit): Promise<ObjectTail> {
    const response = await this.#send(attempted, url, init);
    const answer = await response.json().catch((cause: unknown) => {
      throw new TransportError(`${attempted}: the answer is not from the edge`, { code: 'UnexpectedResponse', cause });
    });
    if (response.ok) return answer;
    const { error = `Http${response.status}`, message = '', tail } = answer;
    throw new ServiceError(`${attempted}: the edge answered ${error} (HTTP ${response.status}) ${message}`.trim(), {
      code: error,
      status: response.status,
      position: tail?.position,
    });
  }

  async #send(attempted: string, url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, { ...init, credentials: 'include' });
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new TransportError(`${attempted}: the edge gave no answer`, { code: 'NetworkError', cause });
    }
  }
}

/** Gives the body the media type of the object. Bytes without a type get none. */
function bodyOf(body: AppendBody, contentType: string | null | undefined): BodyInit {
  const blob = body instanceof Blob ? body : new Blob([body as BlobPart]);
  return blob.slice(0, blob.size, contentType ?? '');
}
