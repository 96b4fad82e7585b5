/** The name of this tab. It stays after a reload, and no two open tabs have the same one. */

import { tabStore } from './storage.ts';

const NAME = 'oss-append tab';

/**
 * Returns the name. A browser copies the session storage when a tab is duplicated, so a lock shows whether another tab
 * already has the name.
 */
export async function nameOfTab(): Promise<string> {
  const known = tabStore.getItem(NAME);
  const name = known && (await hold(known)) ? known : crypto.randomUUID().slice(0, 8);
  tabStore.setItem(NAME, name);
  if (name !== known) await hold(name);
  return name;
}

/** Holds a lock until the page ends. Resolves to false if another tab holds it. */
function hold(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Without a secure context there are no locks.
    if (!navigator.locks) return resolve(true);
    navigator.locks.request(`${NAME} ${name}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise<void>(() => {}) : undefined;
    });
  });
}

/** Returns whether another tab holds the name. */
export async function isTabOpen(name: string): Promise<boolean> {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some((lock) => lock.name === `${NAME} ${name}`);
}
