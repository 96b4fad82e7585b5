/** A wait that a signal can end. */

import { reasonOf } from './abort.ts';
import type { Clock } from './clock.ts';

/** Waits for `delay` ms, or with `online` until the browser comes online. An abort rejects with the signal's reason. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal, online = false): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (online) globalThis.removeEventListener?.('online', wake);
      act();
    };
    const abort = settle(() => reject(reasonOf(signal as AbortSignal)));
    const wake = settle(resolve);
    const timer = clock.setTimeout(wake, delay);
    if (online) globalThis.addEventListener?.('online', wake);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  });
}
