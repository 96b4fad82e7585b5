/** The settings of a real bucket in the environment of the server. */
import { randomHex } from './random.ts';

/** A real bucket, and the RAM user who may assume a role for it. */
export interface RealSettings {
  readonly region: string;
  readonly bucket: string;
  /** The origin of the OSS. */
  readonly endpoint: string;
  readonly roleArn: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** The beginning of all keys of this start: `OSS_PREFIX` and a random name. */
  readonly prefix: string;
  /** The origin of the STS, or undefined for that of Alibaba Cloud. */
  readonly stsEndpoint: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

const NEEDED = ['OSS_REGION', 'OSS_BUCKET', 'OSS_ROLE_ARN', 'OSS_ACCESS_KEY_ID', 'OSS_ACCESS_KEY_SECRET'] as const;

/**
 * Reads the settings. Returns undefined if none of the needed ones is set.
 *
 * @throws Error that names what is missing, if some of the needed settings are set and others are not.
 */
export function realSettingsFrom(env: Environment): RealSettings | undefined {
  const missing = NEEDED.filter((name) => !env[name]);
  if (missing.length === NEEDED.length) return undefined;
  if (missing.length > 0) throw new Error(halfSet(missing));
  const [region = '', bucket = '', roleArn = '', accessKeyId = '', accessKeySecret = ''] = NEEDED.map(
    (name) => env[name],
  );
  const endpoint = withScheme(env['OSS_ENDPOINT'] || `oss-${region.replace(/^oss-/, '')}.aliyuncs.com`);
  const prefix = `${prefixFrom(env['OSS_PREFIX'] || 'oss-append-demo/')}${randomHex(8)}/`;
  const stsEndpoint = env['OSS_STS_ENDPOINT'] || undefined;
  return { region, bucket, endpoint, roleArn, accessKeyId, accessKeySecret, prefix, stsEndpoint };
}

function halfSet(missing: readonly string[]): string {
  const set = NEEDED.filter((name) => !missing.includes(name));
  return `the environment sets ${set.join(', ')}, but not ${missing.join(', ')}. Set all of them for a real bucket, or none of them for LocalOss`;
}

function withScheme(host: string): string {
  return /^https?:\/\//.test(host) ? host.replace(/\/$/, '') : `https://${host}`;
}

/** A slash at the end keeps the names of other keys apart. In a policy, `*`, `?` and `$` would be patterns. */
function prefixFrom(text: string): string {
  const prefix = text.endsWith('/') ? text : `${text}/`;
  if (!/^[/\\]/.test(prefix) && !/[*?$]/.test(prefix)) return prefix;
  throw new Error('OSS_PREFIX must not begin with a slash, and must contain none of the characters * ? $');
}
