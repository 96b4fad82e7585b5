/** The hooks that the journeys share: one browser for all tests of a `describe`, and a context of its own for each test. */
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type BrowserName, launch, Visit } from './visit.ts';

/** The window and the language of a user. */
export const USER: BrowserContextOptions = { viewport: { width: 1300, height: 900 }, locale: 'en-US' };

/** Starts a browser before the tests of a `describe`, and ends it after them. */
export function useBrowser(name: BrowserName): { readonly current: Browser } {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch(name);
  });
  afterAll(() => browser?.close());
  return {
    get current() {
      return browser;
    },
  };
}

/** Visits the page in a context of its own, which ends with the visit. */
export async function visitOnce(
  browser: Browser,
  options: BrowserContextOptions,
  act: (visit: Visit) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext({ ...USER, ...options });
  const visit = await Visit.begin(context);
  try {
    await act(visit);
  } finally {
    await context.close();
    await visit.end();
  }
}

/** The visits of one test. */
export interface Visits {
  /** The context of the test that runs now. */
  readonly context: BrowserContext;
  /** Begins the visit of a test. The visit ends with the test. */
  begin(options?: Parameters<typeof Visit.begin>[1]): Promise<Visit>;
}

/** Registers the hooks. Call this function first in a `describe`. */
export function useVisits(name: BrowserName): Visits {
  const browser = useBrowser(name);
  let context: BrowserContext;
  let visit: Visit | undefined;

  beforeEach(async () => {
    context = await browser.current.newContext(USER);
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
