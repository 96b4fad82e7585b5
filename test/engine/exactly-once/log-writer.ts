/** Runs a log writer: one page after the other, each with a `LogAppender`, and all with one journal. */

import { OssError } from '../../../src/errors.ts';
import type { LogAppenderOptions } from '../../../src/log/index.ts';
import type { OssClientOptions } from '../../../src/request/client.ts';
import type { Fetch } from '../../../src/request/request.ts';
import { FakePage } from '../../log/fake-page.ts';
import type { FakeStorage } from '../../log/fake-storage.ts';
import { Life } from '../../log/lives.ts';
import type { VirtualClock } from '../../tools/virtual-clock.ts';
import type { LogBook } from './log-book.ts';
import type { LogPlan, LogStep } from './log-plan.ts';
import { KEY } from './observed-oss.ts';
import type { WriterRecord } from './record.ts';
import type { Step } from './schedule.ts';

/** What a log writer needs of the world. */
export interface LogSurroundings {
  readonly clock: VirtualClock;
  /** What all pages of the run share. */
  readonly storage: FakeStorage;
  /** Returns the network of a new page, or of the browser. */
  readonly network: () => Fetch;
  readonly settings: (fetch: Fetch) => OssClientOptions;
}

export class LogWriter {
  readonly #writer: WriterRecord & { readonly log: LogBook };
  readonly #plan: LogPlan;
  readonly #world: LogSurroundings;
  #life: Life;

  constructor(writer: WriterRecord & { readonly log: LogBook }, plan: LogPlan, world: LogSurroundings) {
    this.#writer = writer;
    this.#plan = plan;
    this.#world = world;
    this.#life = this.#open();
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.do === 'wait') await this.#world.clock.wait(step.delay);
      else if (step.do === 'write') for (const size of step.sizes) this.#write(size);
      else if (step.do === 'flush') this.#flush().catch(() => {});
      else if (step.do === 'hide' || step.do === 'show') this.#life.page[step.do]();
      else if (step.do === 'end') await this.#end(step);
    }
    // A log goes on for ever, so its last page is killed, too.
    this.#life.kill();
  }

  /** When there are no more faults, the next page must store what the earlier ones have left, and a record of its own. */
  async calmDown(): Promise<void> {
    this.#life = this.#open();
    this.#write(3);
    await this.#flush();
    await this.#life.log.close();
    this.#life.kill();
  }

  #open(): Life {
    const { log: book, plan } = this.#writer;
    const { clock, storage, network, settings } = this.#world;
    const told: { count: number; position: number }[] = [];
    book.lives.push({ told, flushed: [], first: book.records.length });
    const page = new FakePage({ fetchLater: this.#plan.fetchLater });
    const fetch = network();
    const client = ({ fetch: own = fetch, clock: time = clock }: Partial<OssClientOptions>) => ({
      ...settings(own),
      clock: time,
    });
    const world = { key: KEY, clock, oss: { fetch }, client, errors: [], stored: [], others: [] };
    const options: LogAppenderOptions = {
      shared: plan.shared,
      segmentSize: plan.segmentSize ?? 8,
      flushAfter: plan.flushAfter ?? 1000,
      ...(this.#plan.queue ? { queueSize: this.#plan.queue.size, whenFull: this.#plan.queue.whenFull } : {}),
      ...(this.#plan.persist ? {} : { persist: undefined }),
      ...(this.#plan.page ? {} : { platform: {} }),
      lossRecord: () => book.lossRecord(),
      onstored: (stored) => told.push(stored),
      onerror: (error) => {
        if (!(error instanceof OssError)) book.problems.push(`onerror got ${error}`);
      },
    };
    return new Life(world, storage, options, page);
  }

  #write(size: number): void {
    const { log: book } = this.#writer;
    const record = book.next(size);
    // The log may read the record at once, or never.
    if (this.#life.log.write(record)) book.records.push(record);
  }

  async #flush(): Promise<void> {
    const { records, lives } = this.#writer.log;
    const [until, life, { log }] = [records.length, lives.at(-1)!, this.#life];
    await log.flush();
    life.flushed.push({ until, dropped: log.dropped });
  }

  async #end({ how, microtasks, late }: Extract<LogStep, { do: 'end' }>): Promise<void> {
    const { page, log } = this.#life;
    if (how === 'left') page.leave();
    if (how === 'closed') await log.close().catch(() => {});
    for (let left = microtasks; left > 0; left--) await undefined;
    this.#life.kill();
    this.#note();
    // Its answer may come late by the clock, so nobody waits for it.
    if (late) void page.sendDeferred(this.#world.network());
    this.#life = this.#open();
  }

  /** Notes the records that the journal holds at this moment. */
  #note(): void {
    const { log: book } = this.#writer;
    for (const { value } of this.#world.storage.rows) {
      const { bytes } = Object(value) as { readonly bytes?: Uint8Array };
      for (const number of bytes ? book.read(bytes).numbers : []) book.kept.add(number);
    }
  }
}
