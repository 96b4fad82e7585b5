/** LocalOss accepts the signatures of the public vectors, and refuses each change of them. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/testing/errors.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { type SignedRequest, Verifier } from '../../src/testing/verify.ts';

interface Vector {
  readonly name: string;
  readonly form: 'header' | 'query';
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
  readonly region: string;
  readonly product: string;
  readonly bucket: string;
  readonly key: string | null;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, string>;
  readonly additionalHeaders: readonly string[];
  readonly time: string;
  readonly expires?: number;
  readonly expected: string;
}

const vectors: Vector[] = ['v4-official', 'v4-append'].flatMap((name) =>
  JSON.parse(readFileSync(new URL(`../unit/vectors/${name}.json`, import.meta.url), 'utf8')),
);

/** Makes the request of a vector with the vector's own signature. Nothing is computed. */
function requestOf(vector: Vector): { query: Record<string, string>; headers: Record<string, string> } {
  const date = vector.time.replace(/[-:]/g, '');
  const token = vector.securityToken;
  if (vector.form === 'header') {
    const { host: _, 'content-length': __, ...given } = vector.headers;
    const headers = { ...given, 'x-oss-date': date, 'x-oss-content-sha256': 'UNSIGNED-PAYLOAD' };
    const authorized = { ...headers, authorization: vector.expected };
    return { query: vector.query, headers: token ? { ...authorized, 'x-oss-security-token': token } : authorized };
  }
  const scope = [vector.accessKeyId, date.slice(0, 8), vector.region, vector.product, 'aliyun_v4_request'];
  const names = vector.additionalHeaders.map((name) => name.toLowerCase());
  const listed = names.filter((name) => !name.startsWith('x-oss-')).sort();
  const query = {
    ...vector.query,
    'x-oss-signature-version': 'OSS4-HMAC-SHA256',
    'x-oss-credential': scope.join('/'),
    'x-oss-date': date,
    'x-oss-expires': String(vector.expires),
    ...(token ? { 'x-oss-security-token': token } : {}),
    ...(listed.length > 0 ? { 'x-oss-additional-headers': listed.join(';') } : {}),
    'x-oss-signature': vector.expected,
  };
  return { query, headers: vector.headers };
}

function signedRequest(vector: Vector): SignedRequest {
  const { query, headers } = requestOf(vector);
  const length = vector.headers['content-length'];
  return {
    method: vector.method,
    bucket: vector.bucket,
    key: vector.key ?? '',
    query: new Map(Object.entries(query)),
    headers: new Headers(headers),
    host: new URL(vector.url).host,
    contentLength: length === undefined ? undefined : Number(length),
    region: vector.region,
    product: vector.product,
  };
}

function verifierOf(vector: Vector): Verifier {
  const key = { secret: vector.accessKeySecret, ...(vector.securityToken ? { token: vector.securityToken } : {}) };
  return new Verifier((id) => (id === vector.accessKeyId ? key : undefined));
}

function changed(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1);
}

/** Returns every position of a short text, and every seventh position of a long text. */
function places(text: string): number[] {
  return Array.from(text, (_, i) => i).filter((i) => text.length < 12 || i % 7 === text.length % 7);
}

/** Makes requests with one changed byte, for each part that the signature covers. */
function* forgeries(request: SignedRequest, signedHeaders: readonly string[]): Generator<[string, SignedRequest]> {
  for (const field of ['method', 'bucket', 'key'] as const) {
    for (const at of places(request[field])) {
      yield [`${field} at ${at}`, { ...request, [field]: changed(request[field], at) }];
    }
  }
  for (const [name, value] of request.query) {
    for (const at of places(value)) {
      yield [`?${name} at ${at}`, { ...request, query: new Map([...request.query, [name, changed(value, at)]]) }];
    }
    const query = new Map([...request.query].map(([n, v]) => [n === name ? changed(n, n.length - 1) : n, v]));
    yield [`?${name} renamed`, { ...request, query }];
  }
  for (const name of signedHeaders) {
    const value = request.headers.get(name) ?? '';
    for (const at of places(value)) {
      const headers = new Headers(request.headers);
      headers.set(name, changed(value, at));
      yield [`${name} at ${at}`, { ...request, headers }];
    }
    const headers = new Headers(request.headers);
    headers.delete(name);
    yield [`${name} missing`, { ...request, headers }];
  }
}

describe('vectors', () => {
  test('there are 26 vectors', () => expect(vectors).toHaveLength(26));

  test.each(vectors)('$name is accepted', async (vector) => {
    const identity = await verifierOf(vector).verify(signedRequest(vector), Date.parse(vector.time));
    expect(identity?.accessKeyId).toBe(vector.accessKeyId);
  });

  test.each(vectors)('$name with any byte changed is refused', async (vector) => {
    const request = signedRequest(vector);
    const additional = vector.additionalHeaders.map((name) => name.toLowerCase());
    const signed = [...request.headers.keys()].filter(
      (name) => name !== 'authorization' && (/^(x-oss-|content-(type|md5)$)/.test(name) || additional.includes(name)),
    );
    const sentOnly = signed.filter((name) => name !== 'host' && name !== 'content-length');
    const verifier = verifierOf(vector);
    let count = 0;
    for (const [what, forged] of forgeries(request, sentOnly)) {
      const error = await verifier.verify(forged, Date.parse(vector.time)).catch((reason: unknown) => reason);
      // A query without its version or its signature is an anonymous request, which does not act for the owner of the
      // key.
      if (error === undefined) expect(what).toMatch(/x-oss-signature/);
      else expect(error, what).toBeInstanceOf(Refusal);
      count++;
    }
    expect(count).toBeGreaterThan(5);
  });

  test.each(vectors.filter(({ securityToken }) => !securityToken))(
    '$name is accepted through fetch',
    async (vector) => {
      const hosts = ['static.example.com'];
      const { bucket, region, accessKeyId, accessKeySecret } = vector;
      const oss = new LocalOss({
        buckets: { [bucket]: { region, hosts } },
        accessKeys: { [accessKeyId]: accessKeySecret },
        clock: { now: () => Date.parse(vector.time) },
      });
      const { query, headers } = requestOf(vector);
      const search = new URLSearchParams(query);
      const hasBody = vector.method === 'PUT' || vector.method === 'POST';
      const body = hasBody ? { body: new Uint8Array(Number(vector.headers['content-length'] ?? 3)) } : {};
      const response = await oss.fetch(`${vector.url}?${search}`, { method: vector.method, headers, ...body });
      expect(response.status, await response.text()).not.toBe(403);
      expect(await statusWithWrongSignature(oss, vector)).toBe(403);
    },
  );
});

async function statusWithWrongSignature(oss: LocalOss, vector: Vector): Promise<number> {
  const { query, headers } = requestOf({
    ...vector,
    expected: vector.expected.replace(/.$/, (c) => (c === '0' ? '1' : '0')),
  });
  const response = await oss.fetch(`${vector.url}?${new URLSearchParams(query)}`, { method: vector.method, headers });
  return response.status;
}
