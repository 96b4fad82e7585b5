/** The table of requests. The newest request is at the top. */
import { element, exact, make, text } from './dom.ts';
import type { Exchange } from './traffic.ts';

const MOST_ROWS = 200;

const rows = new Map<number, HTMLElement>();

/** Adds a request to the table, or updates its row when it has ended. */
export function showRequest(exchange: Exchange): void {
  element('log').hidden = false;
  const row = rowOf(exchange);
  const old = rows.get(exchange.id);
  rows.set(exchange.id, row);
  if (old) old.replaceWith(row);
  else element('log-rows').prepend(row);
  if (rows.size > MOST_ROWS) dropOldest();
  text('log-summary', 'The browser sends CORS preflights itself. You see them only in the developer tools.');
}

function rowOf({ id, method, position, size, status, duration }: Exchange): HTMLElement {
  const row = make('tr', '');
  const state = make('td', String(status ?? '…'));
  if (status !== undefined && !/^2/.test(String(status))) state.dataset['kind'] = 'warn';
  row.append(
    make('td', String(id), 'number'),
    make('td', position === undefined ? method : `${method} append`),
    make('td', position === undefined ? '' : exact(position), 'number'),
    make('td', position === undefined ? '' : exact(size), 'number'),
    state,
    make('td', duration === undefined ? '' : `${duration.toFixed(0)} ms`, 'number'),
  );
  return row;
}

function dropOldest(): void {
  const [id] = rows.keys();
  if (id === undefined) return;
  rows.get(id)?.remove();
  rows.delete(id);
}
