/** What the parts of the page share while it is open: the host, the keys of this tab, and the objects that it appends to. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { AppendClient } from '../../src/index.ts';
import { makeClient, type Route } from './client/clients.ts';
import type { Watcher } from './client/watch.ts';
import type { Host } from './host.ts';
import { signing, way } from './settings.ts';
import { localStore, tabStore } from './storage.ts';
import { Figures } from './transfer/figures.ts';
import { KeyBook } from './transfer/key-book.ts';
import { StoredBook } from './transfer/stored-book.ts';
import { type Event, Transfer, type TransferInit, type TransferListener } from './transfer/transfer.ts';

const SILENT: Watcher = { sent: () => {}, ended: () => {} };

export class Session {
  readonly host: Host;
  readonly tab: string;
  /** The beginning of the keys of this tab. The faults of the panel "break it" happen to these keys only. */
  readonly scope: string;
  readonly keys: KeyBook;
  readonly stored: StoredBook;
  readonly figures = new Figures();
  /** The newest transfer of each file or recording, by its id. */
  readonly transfers: Signal<ReadonlyMap<string, Transfer>> = signal(new Map());
  /** The id of the transfer that the user wants to see. Without one, the page shows one that is on its way, or else the newest. */
  readonly chosen: Signal<string | undefined> = signal(undefined);
  readonly newest: Signal<string | undefined> = signal(undefined);
  /** The transfers that are on their way, and those that failed. With a thousand files, asking each one would be slow. */
  readonly running: Signal<readonly Transfer[]> = signal([]);
  readonly failed: Signal<readonly Transfer[]> = signal([]);
  readonly shown: ReadonlySignal<Transfer | undefined> = computed(() => {
    const all = this.transfers.value;
    return all.get(this.chosen.value ?? '') ?? this.running.value[0] ?? all.get(this.newest.value ?? '');
  });
  /** Is called for each event of each transfer. */
  onevent: (transfer: Transfer, event: Event) => void = () => {};

  constructor(host: Host, tab: string) {
    this.host = host;
    this.tab = tab;
    this.scope = `${host.userPrefix}${tab}/`;
    this.keys = new KeyBook(localStore, { prefix: host.userPrefix, scope: this.scope });
    this.stored = new StoredBook(tabStore, host.userPrefix);
  }

  /** The route that the user has chosen. */
  get route(): Route {
    return { way: way.value, signing: signing.value };
  }

  /** Begins to watch an object. */
  begin(init: Omit<TransferInit, 'listener' | 'way'>): Transfer {
    const before = this.transfers.peek().get(init.id);
    if (before) this.#forget(before);
    const transfer = new Transfer({ ...init, way: way.value, listener: this.#listener });
    this.transfers.value = new Map(this.transfers.value).set(transfer.id, transfer);
    this.newest.value = transfer.id;
    transfer.note({ kind: 'began', key: transfer.key });
    return transfer;
  }

  /** Makes a client by the route that the user has chosen. */
  client(watcher: Watcher = SILENT): AppendClient {
    return makeClient(this.host, this.route, watcher);
  }

  readonly #listener: TransferListener = {
    sent: (request) => this.figures.sent(request),
    ended: (request) => this.figures.ended(request),
    happened: (transfer, event) => this.onevent(transfer, event),
    changed: (transfer) => {
      this.#forget(transfer);
      const { value } = transfer.state;
      if (value === 'running') this.running.value = [...this.running.peek(), transfer];
      if (value === 'failed') this.failed.value = [...this.failed.peek(), transfer];
    },
  };

  #forget(transfer: Transfer): void {
    for (const list of [this.running, this.failed])
      if (list.peek().includes(transfer)) list.value = list.peek().filter((one) => one !== transfer);
  }
}
