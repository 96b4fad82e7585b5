/** Removes secrets from texts. OSS repeats tokens in some answers, and some runtimes put whole URLs into messages. */

/**
 * Matches 16 or more characters of keys and tokens. A match with capital letters, small letters and digits is removed.
 */
const OPAQUE = /[\w+/%~-]{16,}={0,2}/g;

function isOpaque(run: string): boolean {
  return /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run);
}

/** Removes the secrets from a text, both as they are and percent-encoded. */
export function removeSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter(Boolean).flatMap((secret) => [secret, encodeURIComponent(secret)]);
  return forms.reduce((rest, form) => rest.replaceAll(form, '[redacted]'), text);
}

/** Returns a short name, such as a code or a request ID. Returns undefined for any text that could contain a secret. */
export function harmless(text: unknown, secrets: readonly string[] = []): string | undefined {
  const isName = typeof text === 'string' && /^[\w.-]{1,50}$/.test(text) && removeSecrets(text, secrets) === text;
  return isName && (text.length < 16 || !isOpaque(text)) ? text : undefined;
}

/** Removes secrets, texts with the name or form of a secret, and the secret parts of URLs. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return redactUrls(removeSecrets(text.slice(0, 4096), secrets))
    .replace(
      /((?:security-?token|key-?secret|signature|credential)[\\"']{0,3}\s{0,3}[:=>]{1,3}[\s\\"']{0,3})[^\s&<"',;]+/gi,
      '$1[redacted]',
    )
    .replace(OPAQUE, (run) => (isOpaque(run) ? '[redacted]' : run));
}

/** Removes the parts of URLs that may be secret: user, password, query and fragment. */
export function redactUrls(text: string): string {
  // A `#` after a point begins a private method in the stack of an error, not a fragment.
  return text.replace(/\/\/[^\s/]{0,200}@/g, '//').replace(/(\?|([^\s.(])#)[^\s'"<>]+/g, '$2?[redacted]');
}
