/** Bodies that arrive as a test wants them, and a store that is as slow as a test wants it. */

/** Returns bytes that look random, and are the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0, x = seed; i < words.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    words[i] = x ^ (x >>> 15);
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** Returns a body of unknown length that yields a chunk only when the reader asks for it. */
export function streamOf(bytes: Uint8Array<ArrayBuffer>, chunk: number, ongive: (length: number) => void = () => {}) {
  let at = 0;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    const next = bytes.slice(at, at + chunk);
    at += next.length;
    if (next.length === 0) return controller.close();
    ongive(next.length);
    controller.enqueue(next);
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>({ pull }, { highWaterMark: 0 });
}

/** Holds every append while it is closed, like a store that is slower than its sender. */
export class Gate {
  #opened: Promise<void> = Promise.resolve();
  #open = () => {};

  close(): void {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }

  get passed(): Promise<void> {
    return this.#opened;
  }
}

/** A body whose chunks a test sends one by one. */
export class Sender {
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined;
  #wanted: () => void = () => {};
  cancelled = false;

  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream(
    {
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#wanted(),
      cancel: () => {
        this.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );

  /** Sends a chunk, and waits until the reader asks for the next one. */
  give(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    const wanted = new Promise<void>((resolve) => {
      this.#wanted = resolve;
    });
    this.offer(chunk);
    return wanted;
  }

  offer(chunk: Uint8Array<ArrayBuffer>): void {
    this.#controller?.enqueue(chunk);
  }

  end(): void {
    this.#controller?.close();
  }
}

/** A sender as in workerd: its body has BYOB readers, and a read waits for as many bytes as the reader asked for. */
export class ByteSender {
  #queue: Uint8Array[] = [];
  #ended = false;
  #pump: () => void = () => {};

  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> = new ReadableStream({
    type: 'bytes',
    pull: (controller) => {
      this.#pump = () => this.#give(controller);
      this.#pump();
    },
  });

  constructor() {
    // The edge knows the readers of workerd by this method.
    const getReader = this.body.getReader.bind(this.body) as (options: object) => object;
    Object.assign(this.body, {
      getReader: (options: object) => Object.assign(getReader(options), { readAtLeast() {} }),
    });
  }

  offer(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#pump();
  }

  end(): void {
    this.#ended = true;
    this.#pump();
  }

  #give(controller: ReadableByteStreamController): void {
    for (const chunk of this.#queue.splice(0)) controller.enqueue(chunk.slice());
    if (!this.#ended) return;
    this.#pump = () => {};
    controller.close();
    controller.byobRequest?.respond(0);
  }
}
