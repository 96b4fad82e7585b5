// A server that accepts appends and stores nothing. It reads requests directly from the socket, counts the bytes of the
// body, and answers like OSS. It checks no signature and computes no CRC, so that the benchmark measures only the
// sender. The answer has no `x-oss-hash-crc64ecma`, as in pages where CORS hides that header. The server can also
// simulate a link: it limits the bytes per second and waits for a round trip before each answer. It is started with
// `fork` and sends its port to the parent process.
import { createServer, type Socket } from 'node:net';

/** The simulated link between the sender and the server. */
export interface Link {
  /** Bytes per second. The link is unlimited when this is absent. */
  readonly bandwidth?: number | undefined;
  /** The round trip in ms. */
  readonly latency?: number | undefined;
}

const CORS = [
  'Access-Control-Allow-Origin: *',
  'Access-Control-Allow-Methods: POST, HEAD, GET, PUT',
  'Access-Control-Allow-Headers: *, authorization',
  'Access-Control-Expose-Headers: x-oss-next-append-position, x-oss-request-id, etag',
  'Access-Control-Max-Age: 7200',
].join('\r\n');

/** A request whose body has not arrived completely. */
interface Incoming {
  readonly method: string;
  readonly target: string;
  readonly length: number;
  readonly begun: number;
  received: number;
}

class Connection {
  readonly #socket: Socket;
  readonly #link: Link;
  #head = '';
  #request: Incoming | undefined;

  constructor(socket: Socket, link: Link) {
    this.#socket = socket;
    this.#link = link;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    const body = this.#request ? chunk.byteLength : this.#begin(chunk);
    const request = this.#request;
    if (!request) return;
    request.received += body;
    if (request.received >= request.length) this.#finish(request);
    else this.#throttle(request);
  }

  /**
   * Starts a request, and returns how many bytes of the chunk belong to its body. No second request can follow in the
   * same chunk, because the senders wait for the answer first.
   */
  #begin(chunk: Buffer): number {
    const before = this.#head.length;
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return 0;
    const head = this.#head.slice(0, end);
    this.#head = '';
    const [method = '', target = ''] = head.split(' ', 2);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    this.#request = { method, target, length, begun: performance.now(), received: 0 };
    return chunk.byteLength - (end + 4 - before);
  }

  /**
   * Stops reading until the link would have carried the received bytes. The sender can still be ahead of the link by
   * the size of the socket buffers, but the answer waits for the link anyway.
   */
  #throttle({ begun, received }: Incoming): void {
    const ahead = this.#carried(begun, received) - performance.now();
    if (ahead < 4) return;
    this.#socket.pause();
    setTimeout(() => this.#socket.resume(), ahead);
  }

  #carried(begun: number, bytes: number): number {
    return this.#link.bandwidth ? begun + (bytes / this.#link.bandwidth) * 1000 : begun;
  }

  #finish(request: Incoming): void {
    this.#request = undefined;
    const delay = this.#carried(request.begun, request.length) + (this.#link.latency ?? 0) - performance.now();
    if (delay <= 0) this.#answer(request);
    else setTimeout(() => this.#answer(request), delay);
  }

  #answer({ method, target, length }: Incoming): void {
    const at = Number(/[?&]position=(\d+)/.exec(target)?.[1] ?? 0);
    const status = method === 'OPTIONS' ? '204 No Content' : '200 OK';
    const next = method === 'POST' ? `\r\nx-oss-next-append-position: ${at + length}` : '';
    const marks = `x-oss-request-id: 6561${(answered++).toString(16)}\r\nETag: "0"${next}`;
    if (method !== 'OPTIONS') counts.requests += 1;
    else counts.preflights += 1;
    this.#socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n${marks}\r\n${CORS}\r\n\r\n`);
  }
}

let answered = 0;
const counts = { requests: 0, preflights: 0 };
const link = JSON.parse(process.argv[2] ?? '{}') as Link;
const server = createServer((socket) => void new Connection(socket, link));
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
// Any message asks for the counts. The server sends them and starts counting from zero again.
process.on('message', () => {
  process.send?.({ ...counts });
  counts.requests = 0;
  counts.preflights = 0;
});
process.on('disconnect', () => process.exit());
