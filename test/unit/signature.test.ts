import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Credentials } from '../../src/request/credentials.ts';
import {
  canonicalQuery,
  canonicalRequest,
  presignV4,
  type SignableRequest,
  signature,
  signingKey,
  signV4,
  stampOf,
  stringToSign,
} from '../../src/request/signature.ts';

interface Vector {
  name: string;
  form: 'header' | 'query';
  accessKeyId: string;
  accessKeySecret: string;
  securityToken?: string;
  region: string;
  product: string;
  bucket: string;
  key?: string;
  method: string;
  url: string;
  headers: Record<string, string>;
  query: Record<string, string>;
  additionalHeaders: string[];
  time: string;
  expires?: number;
  expected: string;
  canonicalRequest?: string;
  expectedCanonicalRequest?: string;
  stringToSign?: string;
  expectedStringToSign?: string;
  expectedSignedQuery?: Record<string, string>;
}

function vectors(file: string): Vector[] {
  return JSON.parse(readFileSync(new URL(`./vectors/${file}`, import.meta.url), 'utf8'));
}

const official = vectors('v4-official.json');
const appendShaped = vectors('v4-append.json');

function partsOf(vector: Vector) {
  const { method, bucket, key, query, headers, additionalHeaders } = vector;
  const request: SignableRequest = { method, bucket, key: key || undefined, query, headers, additionalHeaders };
  const { accessKeyId, accessKeySecret, securityToken } = vector;
  const credentials: Credentials = { accessKeyId, accessKeySecret, securityToken };
  const scope = { region: vector.region, product: vector.product, date: new Date(vector.time) };
  return { request, credentials, scope };
}

/** Adds the headers or the query that V4 adds before step 1. The test does this itself, independent of the library. */
function completed(vector: Vector): SignableRequest {
  const { request, credentials, scope } = partsOf(vector);
  const date = scope.date.toISOString().replace(/\.000|[-:]/g, '');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(vector.headers)) headers[name.toLowerCase()] = value;
  if (vector.form === 'query') return { ...request, headers, query: vector.expectedSignedQuery ?? vector.query };
  headers['x-oss-date'] = date;
  headers['x-oss-content-sha256'] = 'UNSIGNED-PAYLOAD';
  if (credentials.securityToken) headers['x-oss-security-token'] = credentials.securityToken;
  return { ...request, headers };
}

test('a canonical query contains every own name, even "__proto__", and no inherited name', () => {
  const query = JSON.parse('{"append":"","__proto__":"x","position":"0"}') as Record<string, string>;
  expect(canonicalQuery(query)).toBe('__proto__=x&append&position=0');
  const credentials = { accessKeyId: 'a', accessKeySecret: 'b' };
  const scope = { region: 'cn-hangzhou', date: new Date(0), expiresIn: 60 };
  Object.setPrototypeOf(query, { acl: '' });
  const signed = presignV4({ method: 'GET', query }, credentials, scope);
  expect(signed.split('&').slice(0, 3)).toEqual(['__proto__=x', 'append', 'position=0']);
});

test('the vector files contain 14 official vectors and 12 vectors for appends', () => {
  expect([official.length, appendShaped.length]).toEqual([14, 12]);
});

describe.each([...official, ...appendShaped])('$name', (vector) => {
  const { request, credentials, scope } = partsOf(vector);

  test('the signature equals that of the official SDKs', () => {
    if (vector.form === 'header') {
      expect(signV4(request, credentials, scope)['authorization']).toBe(vector.expected);
    } else {
      const query = presignV4(request, credentials, { ...scope, expiresIn: vector.expires as number });
      expect(new URLSearchParams(query).get('x-oss-signature')).toBe(vector.expected);
    }
  });

  const canonical = vector.canonicalRequest ?? vector.expectedCanonicalRequest;
  const text = vector.stringToSign ?? vector.expectedStringToSign;
  if (canonical && vector.form === 'header') {
    test('step 1 gives the expected canonical request', () =>
      expect(canonicalRequest(completed(vector))).toBe(canonical));
  }
  if (canonical && text) {
    test('step 2 gives the expected string to sign', () => expect(stringToSign(canonical, stampOf(scope))).toBe(text));
  }
  if (text) {
    test('steps 3 and 4 (signing key and signature) give the expected signature', () => {
      const hex = vector.expected.split('Signature=').at(-1);
      expect(signature(signingKey(vector.accessKeySecret, stampOf(scope)), text)).toBe(hex);
    });
  }
});

test('the signing key for the sample in the documentation is the printed key', () => {
  const key = signingKey(
    'yourAccessKeySecret',
    stampOf({ region: 'cn-hangzhou', date: new Date('2025-04-11T06:41:24Z') }),
  );
  expect(Buffer.from(key).toString('hex')).toMatch(/^8a01ff4e.*feb3c$/);
});

describe('the query', () => {
  test('the query is sorted by the bytes of the encoded names, and a name without a value has no "="', () => {
    expect(canonicalQuery({ b: '1', append: '', '|': 'x', A: ' +/', é: "!'()*" })).toBe(
      '%7C=x&%C3%A9=%21%27%28%29%2A&A=%20%2B%2F&append&b=1',
    );
    // A comparison by language would put `a` before `B`, and `_` before `-`.
    expect(canonicalQuery({ a: '1', B: '2', _: '3', '-': '4', '~': '5' })).toBe('-=4&B=2&_=3&a=1&~=5');
  });

  test('presignV4 removes an old signature from the query and puts the new one at its end', () => {
    const query = presignV4(
      { method: 'GET', bucket: 'b', key: 'k', query: { 'x-oss-signature': 'STALE' } },
      { accessKeyId: 'ak', accessKeySecret: 'sk' },
      { region: 'cn-hangzhou', date: new Date(0), expiresIn: 60 },
    );
    expect(query.match(/x-oss-signature=/g)).toHaveLength(1);
    expect(query).toMatch(/&x-oss-signature=[0-9a-f]{64}$/);
  });
});

describe('the signing key is cached for each credentials object', () => {
  const request = { method: 'HEAD', bucket: 'logs', key: 'a' };
  const credentials = { accessKeyId: 'ak', accessKeySecret: 'one' };
  const at = (date: string, region = 'cn-hangzhou') => ({ region, date: new Date(date) });
  const fresh = (scope: ReturnType<typeof at>, secret = 'one') =>
    signV4(request, { accessKeyId: 'ak', accessKeySecret: secret }, scope);

  test('the signing key is derived again for another day, region or secret', () => {
    const mutable = { ...credentials };
    expect(signV4(request, mutable, at('2026-01-01T23:59:59Z'))).toEqual(fresh(at('2026-01-01T23:59:59Z')));
    expect(signV4(request, mutable, at('2026-01-02T00:00:00Z'))).toEqual(fresh(at('2026-01-02T00:00:00Z')));
    expect(signV4(request, mutable, at('2026-01-02T00:00:00Z', 'eu-west-1'))).toEqual(
      fresh(at('2026-01-02T00:00:00Z', 'eu-west-1')),
    );
    mutable.accessKeySecret = 'two';
    expect(signV4(request, mutable, at('2026-01-02T00:00:00Z', 'eu-west-1'))).toEqual(
      fresh(at('2026-01-02T00:00:00Z', 'eu-west-1'), 'two'),
    );
  });
});

test('an additional header is listed only if the request has it and if its value is not empty', () => {
  const headers = { Range: 'bytes=0-1', 'If-Match': '', 'Content-Type': 'text/plain' };
  const additionalHeaders = ['Range', 'if-match', 'content-type', 'cache-control', ''];
  const scope = { region: 'cn-hangzhou', date: new Date(0) };
  const signed = signV4(
    { method: 'GET', headers, additionalHeaders },
    { accessKeyId: 'a', accessKeySecret: 'b' },
    scope,
  );
  expect(signed['authorization']).toContain(',AdditionalHeaders=range,Signature=');
});

test('signV4 does not change the request of the caller', () => {
  const request = Object.freeze({
    method: 'PUT',
    bucket: 'b',
    key: 'k',
    headers: Object.freeze({ 'X-Oss-Meta-A': ' 1 ' }),
  });
  const headers = signV4(
    request,
    { accessKeyId: 'a', accessKeySecret: 'b' },
    { region: 'cn-hangzhou', date: new Date(0) },
  );
  expect(headers['x-oss-meta-a']).toBe('1');
});
