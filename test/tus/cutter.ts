/** A network that drops connections: a TCP proxy that cuts each connection after some bytes, in either direction. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A running proxy. */
export interface Cutter {
  readonly url: string;
  /** The number of connections that were cut. */
  readonly cuts: () => number;
  close(): Promise<void>;
}

/**
 * Starts a proxy in front of a server. `next` returns after how many bytes the next connection is cut. Every third cut
 * lets the request pass and drops the answer, so that the client does not know what happened.
 */
export async function startCutter(target: string, next: () => number): Promise<Cutter> {
  const { hostname: host, port } = new URL(target);
  const sockets = new Set<Socket>();
  let cuts = 0;
  let connections = 0;
  const server = createServer((client) => {
    const upstream = connect({ host, port: Number(port) });
    const dropsAnswer = ++connections % 3 === 0;
    let left = next();
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk: Buffer) => {
      left -= chunk.byteLength;
      if (left < 0 && !dropsAnswer) {
        cuts++;
        // The beginning of the chunk still arrives, so that the cut is in the middle of a body. Nothing may come after it.
        client.removeAllListeners('data').pause();
        upstream.write(chunk.subarray(0, chunk.byteLength / 2), () => upstream.end(end));
        return;
      }
      if (!upstream.write(chunk)) client.pause();
    });
    upstream.on('drain', () => client.resume());
    upstream.on('data', (chunk: Buffer) => {
      if (left >= 0) return void client.write(chunk);
      cuts++;
      end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, cuts: () => cuts, close };
}
