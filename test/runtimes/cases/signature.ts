/** V4 signatures: all vectors, the official ones and those in the form of an append. */
import { presignV4, signV4 } from '../../../src/index.ts';
import appendShaped from '../../unit/vectors/v4-append.json' with { type: 'json' };
import official from '../../unit/vectors/v4-official.json' with { type: 'json' };
import { equal } from '../check.ts';
import type { Case } from '../context.ts';

interface Vector {
  readonly name: string;
  readonly form: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
  readonly region: string;
  readonly product: string;
  readonly bucket: string;
  readonly key?: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, string>;
  readonly additionalHeaders: string[];
  readonly time: string;
  readonly expires?: number;
  readonly expected: string;
}

export const signatureCases: readonly Case[] = ([...official, ...appendShaped] as unknown as Vector[]).map(
  (vector): Case => ({
    name: `signature: ${vector.name}`,
    run: () => equal(sign(vector), vector.expected, 'signature'),
  }),
);

function sign(vector: Vector): string | null | undefined {
  const { form, method, bucket, key, query, headers, additionalHeaders, region, product, time } = vector;
  const request = { method, bucket, key: key || undefined, query, headers, additionalHeaders };
  const scope = { region, product, date: new Date(time) };
  if (form === 'header') return signV4(request, vector, scope)['authorization'];
  const signed = presignV4(request, vector, { ...scope, expiresIn: vector.expires ?? 0 });
  return new URLSearchParams(signed).get('x-oss-signature');
}
