/**
 * Which keys a user may name. Hides the ways in which a key can look as if it lay below a prefix and lead elsewhere.
 *
 * OSS takes a key as it is, and so does this file: spaces, `%`, `#`, `?`, `+`, emoji and every script are good names. But what
 * stands between, and whoever reads the key later, may decode or normalise it once more. So a key is also judged by all that it
 * can turn into, and refused if one of these forms deceives. A key is never mended.
 */
import { badRequest, Refusal } from './refusal.ts';

/** A problem in the words of a refusal, and how it is found. */
type Problem = readonly [reason: string, isIn: (text: string) => boolean];

/** Problems of a key as it is written. */
const WRITTEN: readonly Problem[] = [
  ['names nothing below the prefix', (text) => text === ''],
  ['has half of a surrogate pair, which UTF-8 cannot write', (text) => /[\ud800-\udfff]/u.test(text)],
  ['has nothing between two slashes, or ends in one', (text) => text.split('/').includes('')],
  ['has a backslash, which some systems take for a slash', (text) => text.includes('\\')],
];

/** Problems of a key in any form that it can turn into. */
const READ: readonly Problem[] = [
  ['has a control character or a line break', (text) => /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)],
  [
    'has a character that reverses text, so that it reads as another name',
    (text) => /[\u202a-\u202e\u2066-\u2069]/.test(text),
  ],
  ['has "." or ".." in place of a name, which leads to another folder', (text) => /(^|[/\\])\.\.?([/\\]|$)/.test(text)],
];

/** OSS's limit, in bytes of UTF-8. */
const MAX_KEY = 1023;

/**
 * The key, if it is a good one below the prefix.
 *
 * @throws Refusal with the true reason: 403 for a key outside of the prefix, 400 for one that cannot be used.
 */
export function checkOwnKey(key: unknown, prefix: string): string {
  if (typeof key !== 'string') throw badRequest('key must be a text');
  if (!key.startsWith(prefix)) throw new Refusal(403, 'ForbiddenKey', 'The key does not begin with your prefix');
  const problem = tooLong(key) ?? problemOf(key.slice(prefix.length));
  if (problem) throw new Refusal(400, 'UnusableKey', `The key ${problem}`);
  return key;
}

/** Why a text is no name for an object or a folder; undefined for a good one. */
export function problemOf(name: string): string | undefined {
  const written = WRITTEN.find(([, isIn]) => isIn(name));
  if (written) return written[0];
  for (const form of formsOf(name)) {
    const read = READ.find(([, isIn]) => isIn(form));
    if (read) return form === name ? read[0] : `${read[0]}, once it is decoded or normalised`;
  }
  return undefined;
}

/** The key in a path, percent-decoded once. @throws Refusal where the path does not decode. */
export function keyOfPath(pathname: string, route: string): string {
  try {
    return decodeURIComponent(pathname.slice(route.length));
  } catch {
    throw badRequest('The key in the path must be encoded, as encodeURIComponent does it');
  }
}

function tooLong(key: string): string | undefined {
  const { length } = new TextEncoder().encode(key);
  return length > MAX_KEY ? `has ${length} bytes of UTF-8, and OSS takes ${MAX_KEY}` : undefined;
}

/** A text, and what it becomes when it is decoded and normalised, again and again until nothing changes. */
function* formsOf(text: string): Generator<string, void, void> {
  for (let form = text, last: string | undefined; form !== last; ) {
    yield form;
    last = form;
    form = percentDecoded(form).normalize('NFKC');
  }
}

/** Decodes what can be decoded. A `%` without two hexadecimal digits stays, and bytes that are no UTF-8 become U+FFFD. */
function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = run
      .split('%')
      .slice(1)
      .map((hex) => Number.parseInt(hex, 16));
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
  });
}
