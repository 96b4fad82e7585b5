// Applies CORS rules like OSS. The first matching rule counts. A request without a matching rule is executed anyway,
// but its answer gets no CORS headers. https://help.aliyun.com/document_detail/32001 (PutBucketCors)

import { Refusal } from './errors.ts';
import type { Reply } from './reply.ts';

/** One CORS rule of a bucket. */
export interface CorsRule {
  /** The allowed origins. Each one can contain one `*`. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly ('GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD')[];
  /** The names of headers that a preflight can ask for. Each one can contain one `*`. */
  readonly allowedHeaders?: readonly string[];
  /** The names of headers that a page can read. They cannot contain `*`, because OSS allows no wildcard here. */
  readonly exposeHeaders?: readonly string[];
  /** The time in s for which a browser can cache the answer to a preflight. */
  readonly maxAgeSeconds?: number;
}

/** The greatest number of rules of a bucket. Some pages of the documents say 20. */
export const MAX_CORS_RULES = 10;

/** @throws {RangeError} if PutBucketCors would refuse the rules. */
export function checkCorsRules(rules: readonly CorsRule[]): void {
  if (rules.length > MAX_CORS_RULES)
    throw new RangeError(`A bucket can have at most ${MAX_CORS_RULES} CORS rules, found ${rules.length}`);
  for (const { allowedOrigins, allowedHeaders = [], exposeHeaders = [] } of rules) {
    const wrong =
      allowedOrigins.find((origin) => /\*.*\*/.test(origin)) ??
      allowedHeaders.find((name) => /\*.*\*|[<>&'"]/.test(name)) ??
      exposeHeaders.find((name) => /[*<>&'"]/.test(name));
    if (wrong !== undefined)
      throw new RangeError(
        `A CORS rule allows one "*" in an origin or an allowed header, none in exposeHeaders, and no <>&'" in headers: found "${wrong}"`,
      );
  }
}

/**
 * Answers a preflight request (OPTIONS).
 *
 * @throws {Refusal} 400 BadRequest if a header is missing; 403 AccessForbidden if no rule matches.
 */
export function preflight(rules: readonly CorsRule[], headers: Headers): Reply {
  const origin = headers.get('origin');
  const method = headers.get('access-control-request-method');
  if (origin === null) throw insufficient('Origin request header needed.', '0034-00000101');
  if (method === null) throw insufficient('Access-Control-Request-Method request header needed.', '0034-00000102');
  const names = listOf(headers.get('access-control-request-headers'));
  const rule = rules.find((one) => allows(one, origin, method) && names.every((name) => allowsHeader(one, name)));
  if (!rule) {
    const ec = rules.length === 0 ? '0003-00000601' : '0003-00000602';
    throw new Refusal(403, 'AccessForbidden', 'CORSResponse: This CORS request is not allowed. No rule matches it.', {
      ec,
    });
  }
  const allowed = names.length > 0 ? { 'access-control-allow-headers': names.join(', ') } : {};
  return { status: 200, headers: { ...corsHeaders(rule, origin), ...allowed, 'content-length': '0' } };
}

/**
 * Returns the CORS headers for the answer to a request that is not a preflight. Without a matching rule there are none.
 */
export function corsResponseHeaders(
  rules: readonly CorsRule[],
  request: { readonly method: string; readonly headers: Headers },
): Record<string, string> {
  const origin = request.headers.get('origin');
  if (origin === null) return {};
  const rule = rules.find((one) => allows(one, origin, request.method));
  return rule ? corsHeaders(rule, origin) : {};
}

function corsHeaders(rule: CorsRule, origin: string): Record<string, string> {
  const { allowedOrigins, allowedMethods, exposeHeaders = [], maxAgeSeconds } = rule;
  return {
    'access-control-allow-origin': allowedOrigins.includes('*') ? '*' : origin,
    'access-control-allow-methods': allowedMethods.join(', '),
    ...(exposeHeaders.length > 0 ? { 'access-control-expose-headers': exposeHeaders.join(', ') } : {}),
    ...(maxAgeSeconds === undefined ? {} : { 'access-control-max-age': String(maxAgeSeconds) }),
  };
}

function allows(rule: CorsRule, origin: string, method: string): boolean {
  const methods: readonly string[] = rule.allowedMethods;
  return methods.includes(method) && rule.allowedOrigins.some((pattern) => matches(pattern, origin));
}

function allowsHeader(rule: CorsRule, name: string): boolean {
  return (rule.allowedHeaders ?? []).some((pattern) => matches(pattern.toLowerCase(), name));
}

function matches(pattern: string, text: string): boolean {
  const [before = '', after] = pattern.split('*');
  if (after === undefined) return pattern === text;
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

function listOf(header: string | null): string[] {
  const names = (header ?? '').split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '');
}

function insufficient(what: string, ec: string): Refusal {
  return new Refusal(400, 'BadRequest', `Insufficient information. ${what}`, { ec });
}
