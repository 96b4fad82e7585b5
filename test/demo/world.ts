/** What the tests of the host share: a host as a function, and a page that uses it as the page of the demo does. */
import type { FaultName, HostConfig, ScopedFaults, ScopedStats } from '../../demo/host/contract.ts';
import { type LocalHost, makeLocalHost, newIdentity } from '../../demo/host/local-host.ts';
import { PageGrants } from '../../src/edge/index.ts';
import {
  type AppendClient,
  type Clock,
  credentialsFromUrl,
  OssClient,
  type OssClientOptions,
  PresignedClient,
} from '../../src/index.ts';

export const ORIGIN = 'https://page.example';
export const BUCKET = 'demo-bucket';

/** Makes a host whose OSS has the origin of the page, as in the static build. */
export function makeHost({ base = '', clock }: { readonly base?: string; readonly clock?: Clock } = {}): LocalHost {
  const place = { bucket: BUCKET, endpoint: ORIGIN, origins: [ORIGIN], base, user: 'you' };
  return makeLocalHost({ mode: 'static', identity: newIdentity(), clock, ...place });
}

/** A page of a host: its requests go to the host, and those below the bucket's path go to the OSS. */
export class HostPage {
  readonly host: LocalHost;
  readonly #base: string;
  /** The number of requests to the host in progress. */
  #asking = 0;

  constructor(host: LocalHost, base = '') {
    this.host = host;
    this.#base = base;
  }

  readonly fetch = (url: string, init: RequestInit = {}): Promise<Response> => {
    const request = new Request(new URL(url, `${ORIGIN}${this.#base}/`), init);
    const isObject = new URL(request.url).pathname.startsWith(`/${BUCKET}/`);
    if (isObject) return this.host.ossFetch(request);
    this.#asking++;
    return this.host.page(request).finally(() => this.#asking--);
  };

  /** The number of requests in progress, without those to the OSS that wait for the clock. */
  get busy(): number {
    return this.#asking + this.host.oss.busy;
  }

  async config(): Promise<HostConfig> {
    return (await this.fetch('config')).json();
  }

  put(body: unknown): Promise<Response> {
    return this.fetch('faults', { method: 'PUT', body: JSON.stringify(body) });
  }

  /** Switches faults on for the keys below a folder of the prefix, and returns what the host says. */
  async breakIt(scope: string, ...active: FaultName[]): Promise<ScopedFaults> {
    return (await this.put({ scope, active })).json();
  }

  async stats(scope: string): Promise<ScopedStats> {
    return (await this.fetch(`stats?scope=${encodeURIComponent(scope)}`)).json();
  }

  /** Makes a client with an STS token of the edge. */
  async tokenClient(options: Pick<OssClientOptions, 'signing' | 'clock'> = {}): Promise<OssClient> {
    const { region, bucket, endpoint, pathStyle, edge } = await this.config();
    const credentials = credentialsFromUrl(`${edge}/token`, { method: 'POST', fetch: this.fetch });
    return new OssClient({ region, bucket, endpoint, pathStyle, credentials, fetch: this.fetch, ...options });
  }

  /** Makes a client whose requests the edge signs one by one. */
  async grantClient(options: Pick<OssClientOptions, 'clock'> = {}): Promise<AppendClient> {
    const { edge } = await this.config();
    const { presign } = new PageGrants(edge, { fetch: this.fetch });
    return new PresignedClient({ presign, fetch: this.fetch, ...options });
  }
}
