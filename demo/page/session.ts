/** What the parts of the page share while it is open: the host, the keys of this tab, and the objects that it appends to. */
import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { AppendClient } from '../../src/index.ts';
import { makeClient, type Route } from './client/clients.ts';
import type { Watcher } from './client/watch.ts';
import type { Host } from './host.ts';
import { signing, way } from './settings.ts';
import { localStore } from './storage.ts';
import { Figures } from './transfer/figures.ts';
import { KeyBook } from './transfer/key-book.ts';
import { Transfer, type TransferInit } from './transfer/transfer.ts';

const SILENT: Watcher = { sent: () => {}, ended: () => {} };

export class Session {
  readonly host: Host;
  readonly tab: string;
  /** The beginning of the keys of this tab. The faults of the panel "break it" happen to these keys only. */
  readonly scope: string;
  readonly keys: KeyBook;
  readonly figures = new Figures();
  /** The newest transfer of each file or recording, by its id. */
  readonly transfers: Signal<ReadonlyMap<string, Transfer>> = signal(new Map());
  /** The id of the transfer that the user wants to see. Without one, the page shows the newest. */
  readonly chosen: Signal<string | undefined> = signal(undefined);
  readonly newest: Signal<string | undefined> = signal(undefined);
  readonly shown: ReadonlySignal<Transfer | undefined> = computed(() => {
    const all = this.transfers.value;
    return all.get(this.chosen.value ?? '') ?? all.get(this.newest.value ?? '');
  });

  constructor(host: Host, tab: string) {
    this.host = host;
    this.tab = tab;
    this.scope = `${host.userPrefix}${tab}/`;
    this.keys = new KeyBook(localStore, { prefix: host.userPrefix, scope: this.scope });
  }

  /** The route that the user has chosen. */
  get route(): Route {
    return { way: way.value, signing: signing.value };
  }

  /** Begins to watch an object. */
  begin(init: Omit<TransferInit, 'also' | 'way'>): Transfer {
    const transfer = new Transfer({ ...init, way: way.value, also: this.figures });
    this.transfers.value = new Map(this.transfers.value).set(transfer.id, transfer);
    this.newest.value = transfer.id;
    transfer.note({ kind: 'began', key: transfer.key });
    return transfer;
  }

  /** Makes a client by the route that the user has chosen. */
  client(watcher: Watcher = SILENT): AppendClient {
    return makeClient(this.host, this.route, watcher);
  }
}
