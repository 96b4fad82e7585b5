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
  return text.replace(/\{(\w+)\}/g, (place, name) => isolated(String(values[name] ?? place)));
}

/** Letters that are written from right to left, and characters that change the direction. */
const TURNS = /[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff]/;
const CONTROLS = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Keeps the name of a file from turning the sentence around it. */
function isolated(value: string): string {
  return TURNS.test(value) ? `\u2068${value.replace(CONTROLS, '')}\u2069` : value;
}
