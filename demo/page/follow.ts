/** Follows an object live with `tail`: what another tab appends arrives here, each byte once. */
import { type Signal, signal } from '@preact/signals';
import { crc64, OssClient } from '../../src/index.ts';
import { tail } from '../../src/log/index.ts';
import { tokenOptions } from './client/clients.ts';
import type { Ended } from './client/exchange.ts';
import type { Watcher } from './client/watch.ts';
import type { Host } from './host.ts';
import type { Segment } from './transfer/story.ts';

/** The page shows this many bytes from the end of the object as text. */
const SHOWN = 2048;

/** What has been read so far. */
export interface Followed {
  /** Bytes. */
  readonly length: number;
  /** The CRC-64 of all bytes, decimal. */
  readonly crc: string;
  /** Each look that found new bytes, as a segment of the ruler. */
  readonly pieces: readonly Segment[];
  readonly end: Uint8Array;
}

export class Follower {
  readonly key: string;
  readonly followed: Signal<Followed> = signal({ length: 0, crc: '0', pieces: [], end: new Uint8Array() });
  readonly problem: Signal<unknown> = signal(undefined);
  /** True from the first request that got no answer until a request is answered again. */
  readonly isSilent = signal(false);
  readonly #host: Host;

  constructor(host: Host, key: string) {
    this.#host = host;
    this.key = key;
  }

  /** Reads until the signal aborts, or until all attempts have failed. Called again, it goes on where it stopped. */
  async run(signal: AbortSignal): Promise<void> {
    this.problem.value = undefined;
    const client = new OssClient(tokenOptions(this.#host, { signing: 'query', watcher: this.#watcher }));
    const { length: position, crc: hashCrc64ecma } = this.followed.peek();
    const from = { position, hashCrc64ecma };
    try {
      for await (const bytes of tail(client, this.key, { signal, from, minDelay: 300, maxDelay: 2000 }))
        this.followed.value = withMore(this.followed.value, bytes);
    } catch (error) {
      if (!signal.aborted) this.problem.value = error;
    }
  }

  readonly #watcher: Watcher = {
    sent: () => {},
    ended: ({ outcome }: Ended) => {
      if (outcome.kind !== 'aborted') this.isSilent.value = outcome.kind === 'no-answer';
    },
  };
}

/** Adds bytes that were read. */
export function withMore({ length, crc, pieces, end }: Followed, bytes: Uint8Array): Followed {
  const piece: Segment = { position: length, size: bytes.byteLength, state: 'stored' };
  const last = new Uint8Array([...end, ...bytes.subarray(-SHOWN)]).slice(-SHOWN);
  return {
    length: length + bytes.byteLength,
    crc: String(crc64(bytes, BigInt(crc))),
    pieces: [...pieces, piece],
    end: last,
  };
}
