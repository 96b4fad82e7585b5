/**
 * An uplink that an upload and a call share, in virtual time. The bytes of the upload wait in one queue, as in the
 * buffer of a modem, and a packet of the call waits behind them.
 */
import type { Fetch } from '../../src/request/request.ts';
import type { Clock } from '../../src/waiting/clock.ts';

/** The properties of an uplink. */
export interface UplinkOptions {
  readonly clock: Clock;
  /** Bytes per second. */
  readonly bandwidth: number;
  /** The round trip, ms. */
  readonly latency: number;
  /** The queue holds at most this many bytes, because TCP then waits until some bytes have left. */
  readonly buffer: number;
}

/** One body on the uplink. */
interface Burst {
  /** When its first byte was sent, and when its last one was through, ms. */
  readonly begin: number;
  readonly end: number;
  /** Bytes. */
  readonly size: number;
}

export class Uplink {
  readonly bursts: Burst[] = [];
  readonly #options: UplinkOptions;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** Takes appends, and answers like OSS when the whole body has passed the uplink. */
  readonly fetch: Fetch = async (url, { body }) => {
    const { clock, bandwidth, latency } = this.#options;
    const size = body instanceof Blob ? body.size : (body as Uint8Array).byteLength;
    const begin = clock.now();
    const end = begin + (size / bandwidth) * 1000;
    this.bursts.push({ begin, end, size });
    await new Promise<void>((resolve) => clock.setTimeout(resolve, end - begin + latency));
    const next = Number(new URL(url).searchParams.get('position')) + size;
    return new Response(null, {
      headers: { 'x-oss-request-id': 'REQ', 'x-oss-next-append-position': String(next) },
    });
  };

  /** How long each packet of a call waits in the queue, ms: one packet each 20 ms, as long as the upload takes. */
  get delays(): number[] {
    const { bandwidth, buffer } = this.#options;
    const [first, last] = [this.bursts[0]?.begin ?? 0, this.bursts.at(-1)?.end ?? 0];
    const delays: number[] = [];
    for (let at = first; at < last; at += 20) {
      const { end = at } = this.bursts.find((burst) => burst.begin <= at && at < burst.end) ?? {};
      delays.push(Math.min(end - at, (buffer / bandwidth) * 1000));
    }
    return delays;
  }

  /** The greatest number of bytes whose sending began within this many ms. */
  mostWithin(ms: number): number {
    const sums = this.bursts.map(({ begin }) =>
      this.bursts
        .filter((burst) => burst.begin >= begin && burst.begin < begin + ms)
        .reduce((sum, { size }) => sum + size, 0),
    );
    return Math.max(...sums);
  }
}
