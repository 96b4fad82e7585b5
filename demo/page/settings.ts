/** What the user has chosen. It is kept in the browser, so that a reload changes nothing. */
import { effect, type Signal, signal } from '@preact/signals';
import type { Signing, Way } from './client/clients.ts';
import { localStore } from './storage.ts';

export type Language = 'en' | 'zh';
export type Theme = 'auto' | 'light' | 'dark';

/** The choice 0 lets the library adapt the segments to the link. */
export const SEGMENT_SIZES = [0, 256 * 1024, 1024 * 1024, 8 * 1024 * 1024] as const;

export const language: Signal<Language> = kept('language', ['en', 'zh'], preferred());
export const theme: Signal<Theme> = kept('theme', ['auto', 'light', 'dark'], 'auto');
export const way: Signal<Way> = kept('way', ['token', 'grant', 'pipe'], 'token');
export const signing: Signal<Signing> = kept('signing', ['header', 'query'], 'header');
export const segmentSize: Signal<number> = kept<number>('segment size', SEGMENT_SIZES, 0);
export const keepsType: Signal<boolean> = kept('media type', [true, false], true);
export const writesLog: Signal<boolean> = kept('log', [true, false], true);

function preferred(): Language {
  return navigator.languages.find((tag) => /^(en|zh)\b/i.test(tag))?.startsWith('zh') ? 'zh' : 'en';
}

/** Makes a signal whose value is kept under a name. A stored value that is not in the list is ignored. */
function kept<T extends string | number | boolean>(name: string, values: readonly T[], first: T): Signal<T> {
  const key = `oss-append ${name}`;
  const found = values.find((value) => String(value) === localStore.getItem(key));
  const choice = signal<T>(found ?? first);
  effect(() => localStore.setItem(key, String(choice.value)));
  return choice;
}
