/** Pages of one application that come and go, with one journal and one object. A page may be killed at any moment. */
import { IndexedDbJournal, LogAppender, type LogAppenderOptions, type StoredRecords } from '../../src/log/index.ts';
import type { OssClientOptions } from '../../src/request/client.ts';
import type { Fetch, FetchInit } from '../../src/request/request.ts';
import type { Clock } from '../../src/waiting/clock.ts';
import type { VirtualClock } from '../tools/virtual-clock.ts';
import { FakePage } from './fake-page.ts';
import { type FakePageStorage, FakeStorage } from './fake-storage.ts';
import { KEY, LogWorld } from './log-tools.ts';

/** What a page needs of the world. */
export interface PageWorld {
  /** The key of the object. */
  readonly key?: string;
  readonly clock: VirtualClock;
  readonly oss: { readonly fetch: Fetch };
  readonly errors: unknown[];
  readonly stored: StoredRecords[];
  readonly others: { readonly busy: number }[];
  client(options: Partial<OssClientOptions>): OssClientOptions;
}

/** One page and its log. */
export class Life {
  readonly world: PageWorld;
  readonly page: FakePage;
  readonly log: LogAppender;
  readonly storage: FakePageStorage;
  /** How many records this log reported as stored, including the records that other pages left. */
  stored = 0;
  #isDead = false;

  constructor(
    world: PageWorld,
    storage: FakeStorage,
    options: LogAppenderOptions = {},
    page: FakePage = new FakePage(),
  ) {
    this.world = world;
    this.page = page;
    this.storage = storage.page();
    world.others.push(page);
    const fetch = page.fetch((url, init) => this.#network(url, init));
    const client = world.client({ fetch, clock: this.#clock(), retry: { maxAttempts: 3 } });
    this.log = new LogAppender(client, world.key ?? KEY, {
      platform: page,
      persist: new IndexedDbJournal('app', this.storage),
      onerror: (error) => world.errors.push(error),
      onstored: ({ count, key, position }) => {
        this.stored += count;
        world.stored.push({ count, key, position });
      },
      ...options,
    });
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The page ends. Its requests may still arrive, but the page gets no answers, and its timers are gone. */
  kill(): void {
    this.#isDead = true;
    this.storage.kill();
  }

  async #network(url: string, init: RequestInit): Promise<Response> {
    if (this.#isDead) return new Promise(() => {});
    const answer = await this.world.oss.fetch(url, init as FetchInit).catch((error: unknown) => error);
    if (this.#isDead) return new Promise(() => {});
    if (answer instanceof Response) return answer;
    throw answer;
  }

  #clock(): Clock {
    const { clock } = this.world;
    const live = (callback: () => void) => () => {
      if (!this.#isDead) callback();
    };
    return {
      now: () => clock.now(),
      random: () => clock.random(),
      setTimeout: (callback, delay) => clock.setTimeout(live(callback), delay),
      clearTimeout: (timer) => clock.clearTimeout(timer),
    };
  }
}

export { FakeStorage, LogWorld };
