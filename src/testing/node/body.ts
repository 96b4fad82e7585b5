/** Converts the body of a node:http request to a web stream, and handles the bytes that nobody reads. */
import type { IncomingMessage } from 'node:http';

/** How many bytes and how much time a server spends on a sender. */
export interface BodyLimits {
  /**
   * The unread bytes that the server still receives after the answer. More bytes end the connection. Default 64 MiB.
   */
  readonly unread?: number | undefined;
  /**
   * How long a sender may be silent while somebody reads its body, in ms. Then the reader gets a {@link SilentSender}.
   * If the handler still answers, the connection ends after the answer. Otherwise it ends at once. Default 120,000.
   */
  readonly silence?: number | undefined;
}

/** A body that the server is receiving. */
export interface IncomingBody {
  readonly stream: ReadableStream<Uint8Array>;
  /** Ends the stream after the answer. All bytes that still come are dropped. */
  dismiss(): void;
  /** Returns whether the sender was silent for too long. Then the connection cannot be used for another request. */
  wasSilent(): boolean;
}

/** The error of a body whose sender was silent for too long. */
export class SilentSender extends Error {
  override readonly name: string = 'SilentSender';
}

const UNREAD = 64 * 1024 * 1024;
const SILENCE = 120_000;

/** Converts a body to a stream. `Readable.toWeb` would end the connection when the reader cancels the stream. */
export function toBody(incoming: IncomingMessage, { unread = UNREAD, silence = SILENCE }: BodyLimits): IncomingBody {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  /** True while somebody waits for bytes. At other times a silent sender is not at fault. */
  let wanted = false;
  let silent = false;
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
    // Without this read, Node itself drops the body of a request that nobody has started to read, and without a limit.
    incoming.read(0);
    incoming.on('timeout', () => {
      if (!wanted || silent) return;
      silent = true;
      leave();
      fail(new SilentSender('The sender is silent'));
    });
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
  return { stream, dismiss, wasSilent: () => silent };
}

/**
 * Receives and drops the rest of a body, up to a limit. Many senders read the answer only after they have sent
 * everything. If the connection ended at once, these senders would lose the answer.
 */
function drop(incoming: IncomingMessage, limit: number): void {
  let dropped = 0;
  // Without a listener, Node itself ends the connection of a silent sender after the keep-alive time-out.
  incoming.removeAllListeners('timeout');
  incoming.on('data', (chunk: Uint8Array) => {
    dropped += chunk.byteLength;
    if (dropped > limit) incoming.socket.destroy();
  });
  incoming.resume();
}
