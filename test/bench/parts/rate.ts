// A call beside an upload. The uplink is simulated in virtual time, so that every run gives the same numbers: 250,000
// bytes/s, a round trip of 40 ms, and a buffer of 64 KiB in which the packets of the call wait behind the upload.
import { AppendableObject, OssClient } from '../../../src/index.ts';
import { Uplink } from '../../tools/uplink.ts';
import { drive, VirtualClock } from '../../tools/virtual-clock.ts';
import { milliseconds, type Row } from '../measure.ts';

const BANDWIDTH = 250_000;
const SIZE = 5_000_000;

interface Measured {
  /** The mean and the longest wait of a packet of the call, s. */
  readonly mean: number;
  readonly longest: number;
  /** Bytes per second of the upload. */
  readonly rate: number;
}

async function measure(maxRate: number | undefined): Promise<Measured> {
  const clock = new VirtualClock();
  const uplink = new Uplink({ clock, bandwidth: BANDWIDTH, latency: 40, buffer: 65_536 });
  const credentials = { accessKeyId: 'STS.bench', accessKeySecret: 'of-this-benchmark-only', securityToken: 'token' };
  const client = new OssClient({ region: 'cn-hangzhou', bucket: 'bench', credentials, clock, fetch: uplink.fetch });
  const object = new AppendableObject(client, 'call.webm', { tail: { position: 0 }, maxRate });
  const begin = clock.now();
  await drive(object.append(new Blob([new Uint8Array(SIZE)])), clock);
  const { delays } = uplink;
  const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
  return { mean: mean / 1000, longest: Math.max(...delays) / 1000, rate: (SIZE / (clock.now() - begin)) * 1000 };
}

const row = (name: string, ratio: number, ours: string, theirs: string): Row => ({
  ...{ name, ratio, low: ratio, high: ratio, ours, theirs },
});

export async function rate(): Promise<Row[]> {
  const free = await measure(undefined);
  const rows: Row[] = [];
  for (const share of [0.75, 0.5, 0.25]) {
    const maxRate = BANDWIDTH * share;
    const limited = await measure(maxRate);
    const name = `maxRate ${share * 100} % of the uplink`;
    const kilobytes = (rate: number) => `${(rate / 1000).toFixed(1)} KB/s`;
    rows.push(
      row(
        `${name}: mean wait of a call's packet`,
        free.mean / limited.mean,
        milliseconds(limited.mean),
        milliseconds(free.mean),
      ),
      row(
        `${name}: longest wait`,
        free.longest / limited.longest,
        milliseconds(limited.longest),
        milliseconds(free.longest),
      ),
      row(`${name}: used share of the rate`, limited.rate / maxRate, kilobytes(limited.rate), kilobytes(maxRate)),
    );
  }
  return rows;
}
