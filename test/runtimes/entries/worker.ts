/** The suite in a dedicated worker or a service worker: it begins when a message asks for it. */
import { runSuite, type SuiteOptions, sayBroken } from '../suite.ts';

interface Told extends Event {
  readonly data: SuiteOptions;
  /** Keeps a service worker alive. */
  waitUntil?(work: Promise<unknown>): void;
}

globalThis.addEventListener('message', (event) => {
  const { data } = event as Told;
  const work = runSuite(data).catch((error: unknown) => sayBroken(data, error));
  (event as Told).waitUntil?.(work);
});
