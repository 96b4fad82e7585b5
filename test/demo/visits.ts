/** The hooks that the journeys share: one browser for all tests of a `describe`, and a context of its own for each test. */
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type BrowserName, launch, Visit } from './visit.ts';

/** The window and the language of a user. */
export const USER: BrowserContextOptions = { viewport: { width: 1300, height: 900 }, locale: 'en-US' };

/** The visits of one test. */
export interface Visits {
  /** The context of the test that runs now. */
  readonly context: BrowserContext;
  /** Begins the visit of a test. The visit ends with the test. */
  begin(options?: Parameters<typeof Visit.begin>[1]): Promise<Visit>;
}

/** Registers the hooks. Call this function first in a `describe`. */
export function useVisits(name: BrowserName): Visits {
  let browser: Browser;
  let context: BrowserContext;
  let visit: Visit | undefined;

  beforeAll(async () => {
    browser = await launch(name);
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    context = await browser.newContext(USER);
  });
  afterEach(async () => {
    await context.close();
    await visit?.end();
    visit = undefined;
  });

  return {
    get context() {
      return context;
    },
    async begin(options = {}) {
      visit = await Visit.begin(context, options);
      return visit;
    },
  };
}
