/** The one function of the doctor. */

import { checkCallOptions, checkFunction, checkType, checkWholeNumber } from '../check.ts';
import type { OssClient } from '../request/client.ts';
import { checkKey } from '../request/endpoint.ts';
import type { PresignedClient } from '../request/presigned.ts';
import { throwIfAborted } from '../waiting/abort.ts';
import { examine } from './examination.ts';
import type { Finding } from './findings.ts';
import type { DoctorOptions } from './options.ts';

/** What the doctor found. */
export interface Diagnosis {
  /** True if there are no findings. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

/**
 * Finds out why requests of a client fail. Each finding has the cause and the step that solves the problem. It reads
 * the key, and sends appends at a position that no object has, which OSS refuses. So it changes nothing, unless `write`
 * is true.
 *
 * @param key the key of an object that the client may append to. The object may be absent.
 * @throws TypeError or RangeError for impossible arguments; after an abort, the signal's reason. A problem that it
 *   finds is a finding, and never a rejection.
 * @see https://www.alibabacloud.com/help/en/oss/developer-reference/putbucketcors
 * @example
 * ```ts
 * import { credentialsFromUrl, OssClient } from 'oss-append';
 * import { diagnose } from 'oss-append/doctor';
 *
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-logs', credentials: credentialsFromUrl('/sts') });
 * const { ok, findings } = await diagnose(client, 'inbox/u1/doctor.txt');
 * for (const { says, mend, rule } of findings) console.log(says, mend, rule?.xml);
 * ```
 */
export async function diagnose(
  client: OssClient | PresignedClient,
  key: string,
  options: DoctorOptions = {},
): Promise<Diagnosis> {
  checkKey(key);
  checkCallOptions(options);
  const { origin = 'a://b', presign, fetch, bodySize = 0, timeout = 1, signal } = options;
  checkType(/\/\/[^/]+$/.test(origin), 'origin must be a string such as "https://example.com"');
  checkFunction('presign', presign);
  checkFunction('fetch', fetch);
  checkType(
    Object(client).retry && ('presignHeadObject' in client || presign),
    'client must be an OssClient, or a PresignedClient with presign',
  );
  checkWholeNumber('bodySize', bodySize);
  checkWholeNumber('timeout', timeout);
  throwIfAborted(signal);
  const findings = await examine(client, key, options);
  return { ok: !findings[0], findings };
}
