/** Keeps secrets out of texts. OSS echoes tokens in some answers, and some runtimes put whole URLs into messages. */

/** Sixteen or more characters as keys and tokens have them: capitals, small letters and digits without a space. */
const OPAQUE = /[\w+/%~-]{16,}={0,2}/g;

function isOpaque(run: string): boolean {
  return /[a-z]/.test(run) && /[A-Z]/.test(run) && /\d/.test(run);
}

/** What stands for a secret in a text: itself, and percent-encoded. */
export function cut(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter(Boolean).flatMap((secret) => [secret, encodeURIComponent(secret)]);
  return forms.reduce((rest, form) => rest.replaceAll(form, '[redacted]'), text);
}

/** A short name, such as a code or a request id. Anything that could be a secret is dropped, whoever sent it. */
export function harmless(text: string | null | undefined, secrets: readonly string[] = []): string | undefined {
  const isName = typeof text === 'string' && /^[\w.-]{1,50}$/.test(text) && cut(text, secrets) === text;
  return isName && (text.length < 16 || !isOpaque(text)) ? text : undefined;
}

/** An address without what may be secret in it: user, password, query and fragment. */
export function plainUrl(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//');
}

/** Cuts out of a text: secrets, what is named like one or looks like one, and of URLs all but scheme, host and path. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return redactUrls(cut(text.slice(0, 4096), secrets))
    .replace(
      /((?:security-?token|key-?secret|signature|credential)[\\"']{0,3}\s{0,3}[:=>]{1,3}[\s\\"']{0,3})[^\s&<"',;]+/gi,
      '$1[redacted]',
    )
    .replace(OPAQUE, (run) => (isOpaque(run) ? '[redacted]' : run));
}

export function redactUrls(text: string): string {
  return text.replace(
    /\b([a-z]{2,10}:\/\/)(?:[^\s/?#'"<>@]{0,200}@)?([^\s?#'"<>]*)([?#][^\s'"<>]*)?/gi,
    (_, scheme: string, rest: string, secret?: string) => `${scheme}${rest}${secret ? '?[redacted]' : ''}`,
  );
}
