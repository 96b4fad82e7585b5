/** The servers of one journey: the site of the page, and LocalOss on another origin, with faults that a test can choose. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { build, type Plugin } from 'esbuild';
import { waitForAbort } from '../../../src/testing/clock.ts';
import { type Fault, type FaultRequest, LocalOss } from '../../../src/testing/index.ts';
import { type Served, serve } from '../../../src/testing/node/http.ts';
import { randomFrom } from '../../engine/exactly-once/random.ts';

const EXPOSED = ['x-oss-next-append-position', 'x-oss-hash-crc64ecma', 'x-oss-object-type', 'x-oss-request-id'];

/** Faults that the engine overcomes. */
const PASSING: readonly Fault[] = [
  { kind: 'drop-before' },
  { kind: 'drop-during' },
  { kind: 'drop-after' },
  { kind: 'error-before' },
  { kind: 'error-after' },
  { kind: 'throttle', delay: 20 },
  { kind: 'expire-token' },
  { kind: 'answer-late', delay: 50 },
];

/** The files of the pages, by their paths. */
export type Assets = ReadonlyMap<string, string>;

/** Makes `docs:filepond` and `docs:react` name the examples of docs/uppy.md. */
const examples: Plugin = {
  name: 'examples',
  setup({ onResolve, onLoad }) {
    const blocks = readFileSync('docs/uppy.md', 'utf8').matchAll(/^```ts\n(.*?)^```/gms);
    const codes = [...blocks].map(([, code = '']) => code);
    onResolve({ filter: /^docs:/ }, ({ path }) => ({ path: path.slice('docs:'.length), namespace: 'docs' }));
    onLoad({ filter: /./, namespace: 'docs' }, ({ path }) => ({
      contents: codes.find((code) => code.includes(`from '${path}'`)) ?? '',
      loader: 'ts',
      resolveDir: process.cwd(),
    }));
  },
};

async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`test/uppy/browser/${entry}`],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
    alias: { 'oss-append': './src/index.ts' },
    plugins: [examples],
  });
  return outputFiles[0]?.text ?? '';
}

export async function bundlePages(): Promise<Assets> {
  const { resolve } = createRequire(`${process.cwd()}/package.json`);
  const styles = (...names: string[]) => names.map((name) => readFileSync(resolve(name), 'utf8')).join('\n');
  return new Map([
    ['/page.js', await bundle('page.ts')],
    ['/page.css', styles('@uppy/core/css/style.min.css', '@uppy/dashboard/css/style.min.css')],
    ['/adapters.js', await bundle('adapters-page.ts')],
    ['/adapters.css', styles('filepond/dist/filepond.min.css')],
  ]);
}

export class Site {
  readonly #assets: Assets;
  #site: Served | undefined;
  #ossServer: Served | undefined;
  oss: LocalOss | undefined;
  /** Chooses the fault of a request. */
  faults: (request: FaultRequest) => Fault | undefined = () => undefined;
  /** While it is set, no request is carried out. */
  gate: Promise<void> | undefined;
  /** The number of requests that the gate holds. */
  held = 0;
  /** The keys of the requests that are in flight, and the most different keys at one time. */
  readonly #inFlight = new Map<string, number>();
  mostKeys = 0;
  /** The requests to the site of the page. */
  readonly visits: { readonly method: string; readonly pathname: string }[] = [];

  constructor(assets: Assets) {
    this.#assets = assets;
  }

  async open(): Promise<void> {
    this.#site = await serve((request) => this.#answer(request));
    const cors = {
      allowedOrigins: [this.#site.url],
      allowedMethods: ['GET', 'HEAD', 'POST'] as const,
      allowedHeaders: ['*'],
      exposeHeaders: EXPOSED,
      maxAgeSeconds: 600,
    };
    const faults = (request: FaultRequest) => this.faults(request);
    this.oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors: [cors] } }, faults });
    this.#ossServer = await serve((request) => this.#count(request));
  }

  get url(): string {
    return this.#site?.url ?? '';
  }

  /** Every fifth request has a fault that the engine overcomes. */
  rain(seed: number): void {
    const random = randomFrom(seed);
    this.faults = ({ operation }) => {
      const isHit = operation !== 'OptionObject' && random() < 0.2;
      return isHit ? PASSING[Math.floor(random() * PASSING.length)] : undefined;
    };
  }

  clear(): void {
    this.faults = () => undefined;
  }

  /** Holds every request until the returned function is called. */
  hold(): () => void {
    let release = () => {};
    this.gate = new Promise((resolve) => {
      release = () => {
        this.gate = undefined;
        resolve();
      };
    });
    return release;
  }

  /** The number of requests in flight. A request ends when it is answered, or when its client leaves. */
  get inFlight(): number {
    return [...this.#inFlight.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The text of the object of a file. */
  stored(name: string): string | undefined {
    const object = this.oss?.object('logs', `inbox/${name}`);
    return object && new TextDecoder().decode(object.bytes());
  }

  /** The number of requests for a file so far. */
  requestsFor(name: string): number {
    return this.oss?.requests.filter(({ key, method }) => key === `inbox/${name}` && method !== 'OPTIONS').length ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all([this.#site?.close(), this.#ossServer?.close()]);
  }

  async #count(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (request.method === 'OPTIONS') return this.oss!.fetch(request);
    this.#inFlight.set(pathname, (this.#inFlight.get(pathname) ?? 0) + 1);
    this.mostKeys = Math.max(this.mostKeys, this.#inFlight.size);
    try {
      await this.#pass(request);
      return await this.oss!.fetch(request);
    } finally {
      const count = (this.#inFlight.get(pathname) ?? 1) - 1;
      if (count > 0) this.#inFlight.set(pathname, count);
      else this.#inFlight.delete(pathname);
    }
  }

  /** Waits at the gate. A request whose client leaves in the meantime is never carried out. */
  async #pass({ signal }: Request): Promise<void> {
    if (!this.gate) return;
    this.held += 1;
    try {
      await Promise.race([this.gate, waitForAbort(signal)]);
    } finally {
      this.held -= 1;
    }
  }

  #answer({ url, method }: Request): Response {
    const { pathname } = new URL(url);
    this.visits.push({ method, pathname });
    if (pathname === '/') return new Response(this.#html('page'), { headers: this.#headers() });
    if (pathname === '/adapters') return new Response(this.#html('adapters'), { headers: this.#headers() });
    if (pathname === '/token') return Response.json(this.oss?.issueToken());
    const type = pathname.endsWith('.css') ? 'text/css' : 'text/javascript';
    const text = this.#assets.get(pathname);
    return new Response(text ?? null, { status: text ? 200 : 404, headers: { 'content-type': type } });
  }

  #html(name: string): string {
    return `<!doctype html><html data-endpoint="${this.#ossServer?.url}"><head><title>uppy</title>
      <link rel="icon" href="data:,"><link rel="stylesheet" href="/${name}.css"></head>
      <body><div id="dashboard"></div><div id="pond"></div><div id="react"></div><script src="/${name}.js"></script></body>
      </html>`;
  }

  /** The plugin needs no more than `connect-src`. The Dashboard shows previews and icons as `data:` and `blob:`. */
  #headers(): Record<string, string> {
    const policy = `default-src 'self'; img-src 'self' data: blob:; connect-src 'self' ${this.#ossServer?.url}`;
    return { 'content-type': 'text/html', 'content-security-policy': policy };
  }
}
