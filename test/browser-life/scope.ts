/** Starts a life where it is asked for: in this page, in a dedicated worker, or in a service worker. */
import { type LifeOptions, live } from './life.ts';

type Place = 'page' | 'worker' | 'service-worker';

async function start(place: Place, options: LifeOptions): Promise<void> {
  if (place === 'page') return live(options);
  if (place === 'worker') return new Worker('/scope.js').postMessage(options);
  await navigator.serviceWorker.register('/scope.js');
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage(options);
}

const fail = (error: unknown) =>
  void fetch('/failed', { method: 'POST', body: String((error as Error).stack ?? error) });

if ('document' in globalThis) {
  const { place, ...options } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  start(place, options).catch(fail);
} else
  addEventListener('message', (event) => {
    const work = live(event.data).catch(fail);
    // A service worker lives as long as its events do.
    (event as MessageEvent & { waitUntil?: (work: Promise<void>) => void }).waitUntil?.(work);
  });
