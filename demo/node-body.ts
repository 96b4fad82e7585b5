/** The body of a node:http request as a web stream, and what becomes of the rest that nobody reads. */
import type { IncomingMessage } from 'node:http';

/** What a sender may cost when nobody listens to it. */
export interface BodyLimits {
  /** Bytes of an unread rest that are let through after the answer. A longer rest ends the connection. Default 64 MiB. */
  readonly unread?: number | undefined;
  /** How long a sender whose body is waited for may be silent, ms. Then its connection ends. Default 120,000. */
  readonly silence?: number | undefined;
}

/** A body while it is received. */
export interface IncomingBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Ends the stream: the answer is out, and what still comes is dropped. */
  dismiss(): void;
}

const UNREAD = 64 * 1024 * 1024;
const SILENCE = 120_000;

/** Makes a stream of a request's body. `Readable.toWeb` would drop the connection when the stream is cancelled. */
export function toBody(incoming: IncomingMessage, { unread = UNREAD, silence = SILENCE }: BodyLimits): IncomingBody {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  /** Whether somebody waits for the sender. While nobody does, its silence is not its own. */
  let wanted = false;
  const fail = (error: unknown) => controller.error(error);
  const pass = (chunk: Uint8Array) => {
    wanted = false;
    controller.enqueue(chunk);
    incoming.pause();
  };
  const end = () => controller.close();
  const leave = () =>
    void incoming
      .off('data', pass)
      .off('end', end)
      .off('error', fail)
      .on('error', () => {});
  const start = (given: typeof controller) => {
    controller = given;
    incoming.on('data', pass).once('end', end).once('error', fail).pause();
    // Of a request that nobody has begun to read Node drops the body itself, and without a limit.
    incoming.read(0);
    incoming.on('timeout', () => wanted && incoming.destroy(new Error('The sender is silent')));
  };
  const pull = () => {
    wanted = true;
    incoming.setTimeout(silence);
    incoming.resume();
  };
  const stream = new ReadableStream({ start, pull, cancel: leave }, { highWaterMark: 0 });
  const dismiss = () => {
    if (incoming.complete && incoming.readableEnded) return;
    leave();
    fail(new TypeError('The request was answered before its body was read'));
    drop(incoming, unread);
  };
  return { stream, dismiss };
}

/**
 * Lets the rest of a body through, up to a limit. Many senders read the answer only when they have sent everything, and a
 * connection that is closed at once would take the answer with it.
 */
function drop(incoming: IncomingMessage, limit: number): void {
  let dropped = 0;
  // Without a listener Node ends the connection of a silent sender itself, after the keep-alive time-out.
  incoming.removeAllListeners('timeout');
  incoming.on('data', (chunk: Uint8Array) => {
    dropped += chunk.byteLength;
    if (dropped > limit) incoming.socket.destroy();
  });
  incoming.resume();
}
