/** Deletes an object of OSS. The client itself only appends and reads, so this request is written here. */
import type { OssClientOptions } from '../request/client.ts';
import type { CredentialsProvider } from '../request/credentials.ts';
import { resolveEndpoint } from '../request/endpoint.ts';
import { Signer } from '../request/signer.ts';
import { clockOf, TIMEOUT, Transport } from '../request/transport.ts';

/** The bucket, and the credentials that may delete from it (`oss:DeleteObject`). */
export interface DeletingPlace {
  readonly oss: Omit<OssClientOptions, 'credentials' | 'presign'>;
  readonly credentials: CredentialsProvider;
}

/**
 * Deletes an object. OSS also confirms the deletion of an absent object, so the request is retried like a read.
 *
 * @throws ServiceError if OSS refuses, and TransportError if no answer arrives.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/deleteobject
 */
export async function deleteObject(key: string, { oss, credentials }: DeletingPlace): Promise<void> {
  const context = { endpoint: resolveEndpoint(oss), clock: clockOf(oss), timeout: oss.timeout ?? TIMEOUT };
  await new Transport(new Signer({ ...oss, credentials }, context), oss).send({
    key,
    operation: 'deleteObject',
    method: 'DELETE',
    query: {},
    headers: {},
    isRepeatable: true,
    // OSS answers 204. The value `empty` would not do, because it accepts only the status 200.
    expects: 'state',
    attempted: `delete "${key}"`,
  });
}
