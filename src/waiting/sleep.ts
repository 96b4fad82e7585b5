/** A wait that a signal ends. */

import type { Clock } from './clock.ts';

/** Also ends, where asked, when the browser believes itself online again. */
export function sleep(clock: Clock, delay: number, signal?: AbortSignal, online = false): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      if (online) globalThis.removeEventListener?.('online', wake);
      act();
    };
    const abort = settle(() => reject(signal?.reason));
    const wake = settle(resolve);
    const timer = clock.setTimeout(wake, delay);
    if (online) globalThis.addEventListener?.('online', wake);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
  });
}
