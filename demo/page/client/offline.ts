/** Lets the page be offline although the computer is not: requests fail, and the browser says that it is offline. */
import { effect, signal } from '@preact/signals';
import type { Fetch } from './watch.ts';

/** True while the panel "break it" keeps the page offline. */
export const isOffline = signal(false);

/** Makes `navigator.onLine` and the events `online` and `offline` follow {@link isOffline}. Call it once. */
export function followOffline(): void {
  const real = Object.getOwnPropertyDescriptor(Navigator.prototype, 'onLine');
  Object.defineProperty(navigator, 'onLine', { get: () => !isOffline.value && real?.get?.call(navigator) !== false });
  let first = true;
  effect(() => {
    const event = isOffline.value ? 'offline' : 'online';
    if (!first) dispatchEvent(new Event(event));
    first = false;
  });
}

/** Returns a `fetch` that fails as a network does while the page is offline, also for requests in flight. */
export function interruptible(send: Fetch): Fetch {
  return async (url, init) => {
    const cut = new AbortController();
    const stop = effect(() => {
      if (isOffline.value) cut.abort(new TypeError('Failed to fetch'));
    });
    try {
      const signal = init.signal ? AbortSignal.any([init.signal, cut.signal]) : cut.signal;
      return await send(url, { ...init, signal });
    } finally {
      stop();
    }
  };
}
