/** Gives the texts of the page in the language that the user has chosen. */
import { language } from '../settings.ts';
import { en, type TextKey } from './en.ts';
import { zh } from './zh.ts';

export type Values = Readonly<Record<string, string | number>>;

const TEXTS = { en, zh };

/** Returns a text in the chosen language. A component that calls it is drawn again when the language changes. */
export function t(key: TextKey, values: Values = {}): string {
  return fill(TEXTS[language.value][key], values);
}

/** Replaces each `{name}` by its value. */
export function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}
