/** The Content Security Policy of the page. The server sends it in a header, and the static build in a `meta` element. */

/**
 * Returns the policy of a page that may send requests to its own origin and to the origins in `reachable`. Pictures and
 * recordings in the page are `blob:` URLs, and icons in its style sheets are `data:` URLs.
 */
export function contentPolicy(reachable: readonly string[] = []): string {
  const directives = {
    'default-src': ["'self'"],
    'connect-src': ["'self'", ...reachable],
    'img-src': ["'self'", 'blob:', 'data:'],
    'media-src': ["'self'", 'blob:'],
    'object-src': ["'none'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
  };
  return Object.entries(directives)
    .map(([name, sources]) => `${name} ${sources.join(' ')}`)
    .join('; ');
}
