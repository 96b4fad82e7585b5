/** The faults that this tab has switched on, and how often each has happened. */
import { type Signal, signal } from '@preact/signals';
import type { FaultName, ScopedStats } from '../host/contract.ts';
import { callRival, readFaults, readStats, setFaults } from './host.ts';
import type { Session } from './session.ts';

/** How often the counters are read while something is in flight, ms. */
const INTERVAL = 1000;

export class Faults {
  readonly active: Signal<ReadonlySet<FaultName>> = signal(new Set<FaultName>());
  readonly stats: Signal<ScopedStats | undefined> = signal(undefined);
  /** Why the host did not take the last change. */
  readonly problem: Signal<string | undefined> = signal(undefined);
  readonly #session: Session;
  #changing: Promise<void> = Promise.resolve();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Reads the state of the host, which remembers the faults of this tab over a reload, and keeps the counters fresh. */
  async begin(): Promise<void> {
    if (!this.#session.host.canBreak) return;
    this.#changing = this.#try(async () => {
      this.active.value = new Set((await readFaults(this.#session.scope)).active);
    });
    await this.#changing;
    for (;;) {
      if (!document.hidden)
        await readStats(this.#session.scope).then(
          (stats) => this.#take(stats),
          () => {},
        );
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }

  /** Changes one fault after the other, because the host takes the list of all faults at once. */
  toggle(name: FaultName, isOn: boolean): Promise<void> {
    this.#changing = this.#changing.then(() => this.#change(name, isOn));
    return this.#changing;
  }

  async #change(name: FaultName, isOn: boolean): Promise<void> {
    const wanted = new Set(this.active.value);
    if (isOn) wanted.add(name);
    else wanted.delete(name);
    await this.#try(async () => {
      this.active.value = new Set((await setFaults(this.#session.scope, [...wanted])).active);
    });
    // The browser has already moved the switch. If the host did not take the change, this draws the switch as it is.
    if (this.problem.value) this.active.value = new Set(this.active.value);
  }

  /** Lets another writer append to the shown object. */
  async rival(): Promise<void> {
    const transfer = this.#session.shown.value;
    if (!transfer) return;
    await this.#try(async () => {
      const { position } = await callRival(transfer.key, 'Another writer was here.\n');
      transfer.note({ kind: 'rival', position });
    });
  }

  #take(stats: ScopedStats): void {
    // If the numbers are the same, nothing is drawn again.
    if (JSON.stringify(stats) !== JSON.stringify(this.stats.peek())) this.stats.value = stats;
  }

  async #try(work: () => Promise<void>): Promise<void> {
    this.problem.value = undefined;
    await work().catch((error: unknown) => {
      this.problem.value = error instanceof Error ? error.message : String(error);
    });
  }
}
