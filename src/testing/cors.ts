// CORS as OSS applies it: rules in order, the first that matches; a request that none matches still runs.
// https://help.aliyun.com/document_detail/32001 (PutBucketCors)

import { Refusal, type Reply } from './errors.ts';

/** One CORS rule of a bucket. */
export interface CorsRule {
  /** Origins, with at most one `*` in each. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly ('GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD')[];
  /** Header names that a preflight may ask for, with at most one `*` in each. */
  readonly allowedHeaders?: readonly string[];
  /** Header names that a page may read. No wildcard: OSS has none here. */
  readonly exposeHeaders?: readonly string[];
  /** How long a browser may keep the preflight, in seconds. */
  readonly maxAgeSeconds?: number;
}

/** @throws {RangeError} for rules that PutBucketCors refuses. */
export function checkCorsRules(rules: readonly CorsRule[]): void {
  if (rules.length > 10) throw new RangeError(`A bucket takes at most 10 CORS rules: got ${rules.length}`);
  for (const { allowedOrigins, allowedHeaders = [], exposeHeaders = [] } of rules) {
    const wild = [...allowedOrigins, ...allowedHeaders].find((pattern) => pattern.split('*').length > 2);
    if (wild !== undefined) throw new RangeError(`A CORS pattern takes at most one "*": got "${wild}"`);
    const exposed = exposeHeaders.find((name) => name.includes('*'));
    if (exposed !== undefined) throw new RangeError(`ExposeHeader of a CORS rule takes no "*": got "${exposed}"`);
  }
}

/** Answers OPTIONS. @throws {Refusal} 400 BadRequest or 403 AccessForbidden. */
export function preflight(rules: readonly CorsRule[], headers: Headers): Reply {
  const origin = headers.get('origin');
  const method = headers.get('access-control-request-method');
  if (origin === null) throw insufficient('Origin request header needed.');
  if (method === null) throw insufficient('Access-Control-Request-Method request header needed.');
  const names = listOf(headers.get('access-control-request-headers'));
  const rule = rules.find((one) => allows(one, origin, method) && names.every((name) => allowsHeader(one, name)));
  if (!rule) {
    const message =
      'CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, ';
    throw new Refusal(403, 'AccessForbidden', `${message}request method or request headers does not match a rule.`);
  }
  const allowed = names.length > 0 ? { 'access-control-allow-headers': names.join(', ') } : {};
  return { status: 200, headers: { ...corsHeaders(rule, origin), ...allowed, 'content-length': '0' } };
}

/** The headers that an actual request's answer gets; none where no rule matches. */
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

function insufficient(what: string): Refusal {
  return new Refusal(400, 'BadRequest', `Insufficient information. ${what}`);
}
