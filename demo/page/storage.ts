/** The browser's storages. A browser may forbid them; then nothing is kept, but the page works. */
import type { Store } from './transfer/key-book.ts';

/** Keeps values for this origin. */
export const localStore = guarded(() => localStorage);
/** Keeps values for this tab. */
export const tabStore = guarded(() => sessionStorage);

function guarded(storage: () => Storage): Store {
  return {
    getItem(name) {
      try {
        return storage().getItem(name);
      } catch {
        return null;
      }
    },
    setItem(name, value) {
      try {
        storage().setItem(name, value);
      } catch {
        // It is not kept.
      }
    },
  };
}
