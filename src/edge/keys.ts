/**
 * Which keys a user may name. This file knows the ways in which a key can look as if it were below a prefix, but lead
 * somewhere else.
 *
 * OSS and this file take a key exactly as it is: spaces, `%`, `#`, `?`, `+`, emoji and every script are good names. But
 * a proxy on the way, or a program that reads the key later, may decode or normalise the key once more. So this file
 * checks every form that the key can get, and refuses the key if one of these forms is misleading. It never repairs a
 * key.
 */
import { badRequest, Refusal } from './refusal.ts';

/** A problem in the words of the refusal, and the function that finds it. */
type Problem = readonly [reason: string, isIn: (text: string) => boolean];

/** Problems of a key as the client wrote it. */
const WRITTEN: readonly Problem[] = [
  ['names nothing below the prefix', (text) => text === ''],
  ['has half of a surrogate pair, which UTF-8 cannot write', (text) => /[\ud800-\udfff]/u.test(text)],
  ['has nothing between two slashes, or ends with a slash', (text) => text.split('/').includes('')],
  ['has a backslash, which some systems treat as a slash', (text) => text.includes('\\')],
];

/** Problems of a key in any form that it can get. */
const READ: readonly Problem[] = [
  ['has a control character or a line break', (text) => /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)],
  [
    'has a character that reverses text, so that people read another name',
    (text) => /[\u202a-\u202e\u2066-\u2069]/.test(text),
  ],
  ['has "." or ".." in place of a name, which leads to another folder', (text) => /(^|[/\\])\.\.?([/\\]|$)/.test(text)],
];

/** OSS's limit for a key, in bytes of UTF-8. */
const MAX_KEY = 1023;

/**
 * Returns the key if it is a good key below the prefix.
 *
 * @throws Refusal with the true reason: 403 for a key outside of the prefix, 400 for a key that cannot be used.
 */
export function checkOwnKey(key: unknown, prefix: string): string {
  if (typeof key !== 'string') throw badRequest('key must be a string');
  if (!key.startsWith(prefix)) throw new Refusal(403, 'ForbiddenKey', 'The key does not begin with your prefix');
  const problem = tooLong(key) ?? nameProblem(key.slice(prefix.length));
  if (problem) throw new Refusal(400, 'UnusableKey', `The key ${problem}`);
  return key;
}

/** Says why a text cannot be the name of an object or a folder. Returns undefined for a good name. */
export function nameProblem(name: string): string | undefined {
  const written = WRITTEN.find(([, isIn]) => isIn(name));
  if (written) return written[0];
  for (const form of formsOf(name)) {
    const read = READ.find(([, isIn]) => isIn(form));
    if (read) return form === name ? read[0] : `${read[0]}, after it is decoded or normalised`;
  }
  return undefined;
}

/** Returns the key that is in a path, percent-decoded once. @throws Refusal if the path cannot be decoded. */
export function keyOfPath(pathname: string, route: string): string {
  try {
    return decodeURIComponent(pathname.slice(route.length));
  } catch {
    throw badRequest('The key in the path must be encoded, as encodeURIComponent encodes it');
  }
}

function tooLong(key: string): string | undefined {
  const { length } = new TextEncoder().encode(key);
  return length > MAX_KEY ? `has ${length} bytes of UTF-8, and OSS takes ${MAX_KEY}` : undefined;
}

/** Yields a text, and then its decoded and normalised forms, until a form does not change any more. */
export function* formsOf(text: string): Generator<string, void, void> {
  for (let form = text, last: string | undefined; form !== last; ) {
    yield form;
    last = form;
    form = percentDecoded(form).normalize('NFKC');
  }
}

/**
 * Decodes all valid escapes. A `%` without two hexadecimal digits stays, and bytes that are not UTF-8 become U+FFFD.
 */
function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = run
      .split('%')
      .slice(1)
      .map((hex) => Number.parseInt(hex, 16));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  });
}
