/**
 * What the tests of logs share: a log on a LocalOss, both on one virtual clock, and all reports of the log to its
 * caller.
 */
import { LogAppender, type LogAppenderOptions, type LogLoss, type StoredRecords } from '../../src/log/index.ts';
import type { OssClientOptions } from '../../src/request/client.ts';
import type { FaultSchedule } from '../../src/testing/index.ts';
import { type LocalOss, LocalOss as LocalOssClass } from '../../src/testing/index.ts';
import { KEYS } from '../tools/unit-tools.ts';
import { drive, NOON, VirtualClock } from '../tools/virtual-clock.ts';

export const KEY = 'app.ndjson';

/** A bucket, a clock, and the reports of the logs. */
export class LogWorld {
  readonly clock: VirtualClock = new VirtualClock(NOON);
  readonly oss: LocalOss;
  readonly stored: StoredRecords[] = [];
  readonly errors: unknown[] = [];
  readonly losses: LogLoss[] = [];

  constructor(faults: FaultSchedule = []) {
    const { clock } = this;
    const accessKeys = { [KEYS.accessKeyId]: KEYS.accessKeySecret };
    this.oss = new LocalOssClass({ buckets: { logs: { region: 'cn-hangzhou' } }, accessKeys, clock, faults });
  }

  /** The settings of a client of the bucket. */
  client(options: Partial<OssClientOptions> = {}): OssClientOptions {
    const { clock, oss } = this;
    const where = { region: 'cn-hangzhou', bucket: 'logs' };
    return { ...where, credentials: oss.issueToken(), fetch: oss.fetch, clock, ...options };
  }

  log(options: LogAppenderOptions = {}, key = KEY): LogAppender {
    return new LogAppender(this.client(), key, {
      onstored: (stored) => this.stored.push(stored),
      onerror: (error) => this.errors.push(error),
      ondropped: (loss) => this.losses.push(loss),
      ...options,
    });
  }

  /** Other work that may go on while the clock does not move. */
  readonly others: { readonly busy: number }[] = [];

  get busy(): number {
    return this.others.reduce((sum, { busy }) => sum + busy, this.oss.busy);
  }

  /** Moves the clock until the work is done. */
  drive<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.clock, this);
  }

  text(key = KEY): string {
    return new TextDecoder().decode(this.oss.object('logs', key)?.bytes());
  }

  /** How many requests stored something or tried to. */
  get appends(): number {
    return this.oss.requests.filter(({ operation }) => operation === 'AppendObject').length;
  }
}
