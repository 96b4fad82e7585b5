/** Which keys a caller may name. Hides the ways in which a path can pretend to lie under a prefix and not do so. */

/** Characters that reverse or hide text, so that a key reads as another one. */
const DECEPTIVE = /[\p{Cc}\p{Bidi_Control}]/u;
/** Half a surrogate pair, which UTF-8 cannot write. */
const HALF_PAIR = /[\ud800-\udfff]/u;

/**
 * Whether a key, already decoded, is one below the prefix.
 *
 * OSS itself takes keys as they are and collapses nothing, but what stands between may: a key that decodes once more,
 * or normalises, to another one is refused as a whole rather than mended.
 */
export function isOwnKey(key: unknown, prefix: string): key is string {
  return typeof key === 'string' && isPlain(key, prefix) && isPlain(key.normalize('NFKC'), prefix);
}

function isPlain(key: string, prefix: string): boolean {
  if (!key.startsWith(prefix) || key.length === prefix.length || new TextEncoder().encode(key).length > 1023)
    return false;
  if (DECEPTIVE.test(key) || /[\\%]/.test(key) || HALF_PAIR.test(key)) return false;
  return !key.split('/').some((part) => part === '' || part === '.' || part === '..');
}

/** The key in a path, decoded once; `undefined` where it does not decode. */
export function keyOfPath(pathname: string, route: string): string | undefined {
  try {
    return decodeURIComponent(pathname.slice(route.length));
  } catch {
    return undefined;
  }
}
