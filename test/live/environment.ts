/** Reads from the environment which bucket is tried, and with which rights. */
import { randomBytes } from 'node:crypto';
import { appendPolicy, assumeRole } from '../../src/sts.ts';
import type { BucketPlace } from './bucket.ts';

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a run needs. */
export interface LiveSettings extends BucketPlace {
  /** All objects of the run are below this prefix. It is random, so that two runs never meet. */
  readonly prefix: string;
}

/** The variable without which nothing is sent. */
export const CONSENT = 'OSS_LIVE_COSTS_MAY_ARISE';

const NEEDED = ['OSS_REGION', 'OSS_BUCKET', 'OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET'];

/** @throws Error that says which variables are missing. */
export async function readSettings(env: Environment): Promise<LiveSettings> {
  if (env[CONSENT] !== 'yes')
    throw new Error(
      `Requests to a real bucket cost money. If you agree to that, set ${CONSENT}=yes. Nothing was sent.`,
    );
  const missing = NEEDED.filter((name) => !env[name]);
  if (missing.length > 0) throw new Error(`Set ${missing.join(', ')} as well. Nothing was sent.`);
  const [region = '', bucket = '', accessKeyId = '', accessKeySecret = ''] = NEEDED.map((name) => env[name]);
  const prefix = `${env['OSS_PREFIX'] ?? ''}oss-append-live-${randomBytes(6).toString('hex')}/`;
  const place = {
    region,
    bucket,
    prefix,
    endpoint: env['OSS_ENDPOINT'] || undefined,
    cname: env['OSS_CNAME'] === 'yes',
  };
  const key = { accessKeyId, accessKeySecret, securityToken: env['OSS_SECURITY_TOKEN'] || undefined };
  const roleArn = env['OSS_ROLE_ARN'];
  if (!roleArn) return { ...place, credentials: key };
  const policy = JSON.parse(appendPolicy({ bucket, prefix, seal: true }));
  policy.Statement[0].Action.push('oss:DeleteObject', 'oss:PutObjectTagging');
  const options = { roleArn, roleSessionName: 'oss-append-live', policy: JSON.stringify(policy) };
  return {
    ...place,
    credentials: await assumeRole({ ...key, ...options, endpoint: env['OSS_STS_ENDPOINT'] || undefined }),
  };
}
