/**
 * The demo on a real bucket. The RAM key stays in this process, and needs only the permission to assume the role:
 * tokens of the role sign everything, and each token is valid for 15 minutes and for one random prefix.
 */
import { refreshingCredentials } from '../src/index.ts';
import { resolveEndpoint } from '../src/request/endpoint.ts';
import { createListener, listen, type Served } from '../src/testing/node/http.ts';
import { type EdgeEnvironment, edgeFrom, tokenFor } from './edge/app.ts';
import { corsRule, corsRuleXml } from './host/cors-rule.ts';
import { pageHandler, type RequestHandler } from './host/page-handler.ts';
import { randomHex } from './host/random.ts';
import type { RealSettings } from './host/real-settings.ts';
import { bothOrigins, onlyOwn, site } from './site.ts';

/** Where the page is, and its files. */
export interface RealDemoOptions {
  /** The port of the page. By default, the system chooses a free port. */
  readonly port?: number | undefined;
  /** The folder of the built page. */
  readonly publicFolder: string;
}

/** A running demo, with the text for the terminal. The text contains no secret. */
export interface RealDemo extends Served {
  readonly greeting: string;
}

/**
 * Starts the demo on a real bucket.
 *
 * @throws Error if STS gives no token for the role, so that nobody finds this out at the first upload.
 */
export async function startRealDemo(settings: RealSettings, options: RealDemoOptions): Promise<RealDemo> {
  const { port, publicFolder } = options;
  const page = await listen({ port });
  try {
    const api = createListener(await handlerOf(settings, bothOrigins(page.url)));
    page.answerWith(onlyOwn(['host', 'origin'], site({ api, publicFolder, reachable: [bucketOrigin(settings)] })));
    return { url: page.url, close: page.close, greeting: greetingOf(settings, page.url) };
  } catch (error) {
    await page.close();
    throw error;
  }
}

async function handlerOf(settings: RealSettings, origins: readonly string[]): Promise<RequestHandler> {
  const { region, bucket, endpoint, prefix } = settings;
  const env = environmentOf(settings, origins);
  const load = () => tokenFor(env, { user: 'edge', prefix });
  // The first token shows whether the role and the RAM key are right.
  await load();
  // The server has one user: everybody who opens the page.
  const edge = edgeFrom(env, { prefixOf: () => prefix, credentials: refreshingCredentials(load) });
  const config = { mode: 'real', region, bucket, endpoint, pathStyle: false, prefix, canBreak: false } as const;
  return pageHandler({ config, routes: {}, edge });
}

function environmentOf(settings: RealSettings, origins: readonly string[]): EdgeEnvironment {
  return {
    OSS_REGION: settings.region,
    OSS_BUCKET: settings.bucket,
    OSS_ENDPOINT: settings.endpoint,
    OSS_STS_ENDPOINT: settings.stsEndpoint ?? '',
    OSS_ACCESS_KEY_ID: settings.accessKeyId,
    OSS_ACCESS_KEY_SECRET: settings.accessKeySecret,
    OSS_ROLE_ARN: settings.roleArn,
    SESSION_SECRET: randomHex(32),
    ORIGINS: origins.join(' '),
    PREFIX: settings.prefix,
  };
}

/** Returns the origin to which the page sends its requests, which contains the name of the bucket. */
function bucketOrigin({ region, bucket, endpoint }: RealSettings): string {
  return new URL(resolveEndpoint({ region, bucket, endpoint }).url('a')).origin;
}

/** Says what the demo uses, and which CORS rule the bucket needs. */
function greetingOf({ region, bucket, endpoint, roleArn, prefix }: RealSettings, url: string): string {
  return [
    `oss-append demo: ${url}`,
    `It writes to the bucket ${bucket} in ${region} (${endpoint}), only to keys that begin with ${prefix}`,
    `It signs with tokens of ${roleArn}. The RAM key needs only the permission to assume this role.`,
    'The objects stay in the bucket until you delete them. The bucket needs this CORS rule:',
    '',
    corsRuleXml(corsRule(bothOrigins(url))),
    '',
  ].join('\n');
}
