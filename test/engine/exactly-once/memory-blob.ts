/** A Blob without I/O. */

export interface MemoryBlobOptions {
  readonly type?: string;
  /** The number of reads until the file is gone. The slices of a Blob share this number. */
  readonly reads?: { left: number };
}

/** A Blob in memory. A read takes one microtask. */
export class MemoryBlob {
  readonly type: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #reads: { left: number };

  constructor(
    parts: readonly (Uint8Array | string | MemoryBlob)[] = [],
    { type = '', reads = { left: Number.POSITIVE_INFINITY } }: MemoryBlobOptions = {},
  ) {
    this.#bytes = joined(parts.map((part) => (part instanceof MemoryBlob ? part.#bytes : bytesOf(part))));
    this.type = type;
    this.#reads = reads;
  }

  get size(): number {
    return this.#bytes.byteLength;
  }

  slice(start = 0, end = this.size, type = ''): MemoryBlob {
    return new MemoryBlob([this.#bytes.subarray(start, end)], { type, reads: this.#reads });
  }

  /** Returns the bytes for the oracle, without counting a read. */
  peek(): Uint8Array {
    return this.#bytes;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    if (this.#reads.left-- <= 0) throw new DOMException('the file is gone', 'NotReadableError');
    return this.#bytes.slice().buffer;
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        controller.enqueue(new Uint8Array(await this.arrayBuffer()));
        controller.close();
      },
    });
  }
}

function bytesOf(part: Uint8Array | string): Uint8Array {
  return typeof part === 'string' ? new TextEncoder().encode(part) : part;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.byteLength;
  }
  return whole;
}
