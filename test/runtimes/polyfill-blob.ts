/**
 * A Blob as libraries make it. It has all members of a Blob, but the platform's `fetch` does not accept it as a Blob.
 */
export class PolyfillBlob implements Blob {
  readonly type: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(parts: readonly (string | Uint8Array<ArrayBuffer>)[], { type = '' }: BlobPropertyBag = {}) {
    const encoded = parts.map((part) => (typeof part === 'string' ? new TextEncoder().encode(part) : part));
    this.#bytes = new Uint8Array(encoded.flatMap((part) => [...part]));
    this.type = type;
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  get [Symbol.toStringTag](): string {
    return 'Blob';
  }

  slice(start?: number, end?: number, type = ''): PolyfillBlob {
    return new PolyfillBlob([this.#bytes.slice(start, end)], { type });
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#bytes.slice();
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#bytes.slice().buffer;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(this.#bytes);
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      start: (controller) => {
        controller.enqueue(this.#bytes.slice());
        controller.close();
      },
    });
  }
}
