/** Reads what Golden Retriever has saved in the browser. It saves its list of files at most every half second. */
import type { Page } from 'playwright';
import { expect } from 'vitest';

/**
 * Waits until the browser has saved the names of `named` files, and the data of `whole` files (by default of all). A
 * reload before that would lose these files. This happens on a fast machine more often than on a slow one.
 */
export async function untilKept(page: Page, named: number, { whole = named } = {}): Promise<void> {
  await expect.poll(() => page.evaluate(countKept)).toEqual({ whole, named });
}

/** Runs in the page. */
function countKept(): Promise<{ whole: number; named: number }> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('uppy-blobs');
    opening.onerror = reject;
    opening.onsuccess = () => {
      const work = opening.result.transaction(['files', 'metadata']);
      const data = work.objectStore('files').count();
      const lists = work.objectStore('metadata').getAll();
      work.onerror = reject;
      work.oncomplete = () => {
        opening.result.close();
        const names = lists.result.flatMap(({ metadata }) => Object.keys(JSON.parse(metadata).files));
        resolve({ whole: data.result, named: names.length });
      };
    };
  });
}
