/** Deletes an object of OSS. The library itself only appends and reads, so this request is written here. */
import { ServiceError, TransportError } from '../errors.ts';
import type { OssClientOptions } from '../request/client.ts';
import type { CredentialsProvider } from '../request/credentials.ts';
import { resolveEndpoint } from '../request/endpoint.ts';
import { signV4 } from '../request/signature.ts';

/** The bucket, and the credentials that may delete from it (`oss:DeleteObject`). */
export interface DeletingPlace {
  readonly oss: Omit<OssClientOptions, 'credentials' | 'presign'>;
  readonly credentials: CredentialsProvider;
}

/**
 * Deletes an object. OSS also confirms the deletion of an absent object, so the caller may repeat it.
 *
 * @throws ServiceError if OSS refuses, TransportError without an answer.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/deleteobject
 */
export async function deleteObject(key: string, { oss, credentials }: DeletingPlace): Promise<void> {
  const endpoint = resolveEndpoint(oss);
  const { fetch = globalThis.fetch, clock = Date } = oss;
  const usable = typeof credentials === 'function' ? await credentials({}) : credentials;
  const scope = { region: endpoint.region, date: new Date(clock.now()) };
  const headers = signV4({ method: 'DELETE', bucket: oss.bucket, key }, usable, scope);
  const response = await fetch(endpoint.url(key), { method: 'DELETE', headers, redirect: 'manual' }).catch(() => {
    throw new TransportError('Cannot delete the object: no answer', { code: 'NetworkError' });
  });
  await response.body?.cancel();
  if (response.ok) return;
  throw new ServiceError('Cannot delete the object: OSS refused', {
    code: `Http${response.status}`,
    status: response.status,
  });
}
