/** The log that the page itself writes: its events go to an object with LogAppender, and are read back with tailLines. */
import { type Signal, signal } from '@preact/signals';
import { OssClient } from '../../src/index.ts';
import { LogAppender, tailLines } from '../../src/log/index.ts';
import { tokenOptions } from './client/clients.ts';
import type { Session } from './session.ts';
import { writesLog } from './settings.ts';

/** The page shows at most this many lines. */
const SHOWN = 50;

export class PageLog {
  readonly key: string;
  /** The last lines of the object, as OSS has them. */
  readonly lines: Signal<readonly string[]> = signal([]);
  readonly dropped = signal(0);
  /** Why the object could not be written or read. */
  readonly problem: Signal<string | undefined> = signal(undefined);
  readonly #session: Session;
  #log: LogAppender | undefined;
  #count = 0;

  /** The faults do not reach the object of the log, so the log can also record what the faults did. */
  constructor(session: Session) {
    this.#session = session;
    this.key = `${session.host.userPrefix}logs/${session.tab}-${Date.now().toString(36)}.ndjson`;
  }

  /** Writes each event of each transfer, as long as the user wants a log. */
  begin(): void {
    this.#session.onevent = ({ key }, { at, what }) => this.#write({ at, key, ...what });
  }

  /** Reads the object while it grows, until the signal aborts. */
  async read(signal: AbortSignal): Promise<void> {
    const client = new OssClient(this.#options());
    try {
      for await (const line of tailLines(client, this.key, { signal, minDelay: 500, maxDelay: 4000 }))
        this.lines.value = [...this.lines.value, line].slice(-SHOWN);
    } catch (error) {
      if (!signal.aborted) this.problem.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** An event may hold an error, which JSON cannot write. */
  #write({ error, ...event }: { readonly error?: unknown; readonly [name: string]: unknown }): void {
    if (!writesLog.peek()) return;
    this.#log ??= new LogAppender(this.#options(), this.key, {
      onerror: (reason) => (this.problem.value = reason instanceof Error ? reason.message : String(reason)),
      onstored: () => (this.problem.value = undefined),
      ondropped: () => (this.dropped.value = this.#log?.dropped ?? 0),
    });
    this.#log.write({ number: ++this.#count, ...event, ...(error ? { error: String(error) } : {}) });
  }

  #options() {
    return tokenOptions(this.#session.host, { signing: 'query' });
  }
}
