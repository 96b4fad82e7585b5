/**
 * Runs every case and reports the results. It uses only Web standards, so that it works on every runtime. Messages on
 * the console, unhandled rejections, and timers or listeners that a case leaves behind count as failures.
 */
import {
  type Clock,
  type Credentials,
  type Fetch,
  OssClient,
  type OssClientOptions,
  PresignedClient,
  type PresignedClientOptions,
} from '../../src/index.ts';
import { blobCases } from './cases/blobs.ts';
import { clientCases } from './cases/client.ts';
import { crcCases } from './cases/crc.ts';
import { engineCases } from './cases/engine.ts';
import { platformCases } from './cases/platform.ts';
import { signatureCases } from './cases/signature.ts';
import { streamCases } from './cases/streams.ts';
import { check, describe } from './check.ts';
import type { BucketName, Case, Context, Report, Result, RunConfig } from './context.ts';
import { DETECTORS, REASONS, TRAITS, type Trait } from './traits.ts';

/** The settings of a suite. */
export interface SuiteOptions {
  readonly controlUrl: string;
  /** The name of the run in the table of traits. */
  readonly runtime: string;
  /** The name of this run for the control endpoint. */
  readonly run: string;
  /** Replaces the `fetch` of the platform. */
  readonly fetch?: Fetch | undefined;
  readonly early?: OssClient | undefined;
  /** Watches for problems that need a runtime's own API. It must call `report` with each problem. */
  readonly watch?: ((report: (problem: string) => void) => void) | undefined;
  /** Results of checks that the entry made before the suite. */
  readonly results?: readonly Result[] | undefined;
}

/** The maximum duration of a case in ms. */
const TIME_LIMIT = 20_000;
/** The time in ms after a case in which its timers and listeners must be removed. */
const GRACE = 500;

const CASES: readonly Case[] = [
  ...signatureCases,
  ...crcCases,
  ...clientCases,
  ...blobCases,
  ...engineCases,
  ...streamCases,
  ...platformCases,
];

/** Runs all cases, one after the other, and posts the report to the control endpoint. */
export async function runSuite(options: SuiteOptions): Promise<Report> {
  const surroundings = await survey(options);
  const watch = new Watch(surroundings.traits.has('hasty-rejections'), options.watch);
  const results: Result[] = [...(options.results ?? [])];
  for (const [index, one] of CASES.entries()) results.push(await runCase(one, index, surroundings, watch));
  results.push(...tableResults(surroundings.traits));
  results.push(outcome('ends without warning, unhandled rejection or violation', await watch.end()));
  const report = { agent: globalThis.navigator?.userAgent ?? 'unnamed', results };
  await post(options, `/report?run=${encodeURIComponent(options.run)}`, JSON.stringify(report));
  return report;
}

/** Reports one failure for a run that could not start, so that the runner does not wait for its report. */
export async function sayBroken(options: Pick<SuiteOptions, 'controlUrl' | 'run'>, error: unknown): Promise<void> {
  const report = { agent: 'broken', results: [outcome('the suite runs', [describe(error)])] };
  await post(options, `/report?run=${encodeURIComponent(options.run)}`, JSON.stringify(report));
}

interface Surroundings extends SuiteOptions {
  readonly config: RunConfig;
  readonly credentials: Credentials;
  readonly traits: ReadonlySet<Trait>;
}

async function survey(options: SuiteOptions): Promise<Surroundings> {
  const traits = TRAITS[options.runtime];
  if (!traits) throw new TypeError(`the table has no line for "${options.runtime}"`);
  const config: RunConfig = await (await fetch(`${options.controlUrl}/config`)).json();
  const credentials: Credentials = await (await post(options, '/token')).json();
  return { ...options, config, credentials, traits: new Set(traits) };
}

async function runCase(one: Case, index: number, surroundings: Surroundings, watch: Watch): Promise<Result> {
  const missing = (one.needs ?? []).find((trait) => !surroundings.traits.has(trait));
  if (missing) return { name: one.name, status: 'skipped', reason: REASONS[missing] };
  const { prefix = '' } = surroundings.config;
  const context = makeContext(surroundings, watch.clock, `${prefix}${surroundings.run}/${index}`);
  try {
    await watch.limited(async () => one.run(context));
    await watch.nothingLeft();
    return outcome(one.name, []);
  } catch (error) {
    if (error instanceof Impossible) return { name: one.name, status: 'skipped', reason: error.message };
    return outcome(one.name, [describe(error)]);
  } finally {
    watch.forget();
  }
}

/** The case needs what only LocalOss can do. A real bucket cannot run it. */
class Impossible extends Error {}

function outcome(name: string, problems: readonly string[]): Result {
  return problems.length === 0 ? { name, status: 'passed' } : { name, status: 'failed', reason: problems.join(' | ') };
}

/** Checks the table of traits. A wrong entry would skip cases without need, or hide a fault. */
function tableResults(traits: ReadonlySet<Trait>): Result[] {
  return Object.entries(DETECTORS).map(([trait, detect]) => {
    const [is, said] = [detect(), traits.has(trait as Trait)];
    return outcome(`the table is right about ${trait}`, is === said ? [] : [`it says ${said}, and it is ${is}`]);
  });
}

function makeContext(surroundings: Surroundings, clock: Clock, key: string): Context {
  const { config, controlUrl, credentials, traits, early } = surroundings;
  const at = (bucket: BucketName, objectKey: string) => `bucket=${bucket}&key=${encodeURIComponent(objectKey)}`;
  return {
    ...config,
    key,
    controlUrl,
    credentials,
    traits,
    early,
    clock,
    client: (options) => makeClient(surroundings, { clock, ...options }),
    presigned: (presign) => makePresigned(surroundings, { clock, presign }),
    faults: async (...rules) =>
      void (await post(surroundings, `/faults?${at('open-bucket', key)}`, JSON.stringify(rules))),
    noFaults: async () => void (await fetch(`${controlUrl}/faults?${at('open-bucket', key)}`, { method: 'DELETE' })),
    stored: async ({ bucket = 'open-bucket', key: other = key } = {}) => {
      const response = await fetch(`${controlUrl}/object?${at(bucket, other)}`);
      const facts = response.headers.get('x-view');
      const bytes = new Uint8Array(await response.arrayBuffer());
      return facts ? { ...JSON.parse(facts), bytes } : undefined;
    },
    putNormal: async () => void (await post(surroundings, `/normal?${at('open-bucket', key)}`, 'made otherwise')),
    wire: async (method) => {
      const requests = await (await fetch(`${controlUrl}/wire?${at('open-bucket', key)}`)).json();
      return method ? requests.filter((request: { method: string }) => request.method === method) : requests;
    },
  };
}

function makeClient({ config, credentials, fetch }: Surroundings, options: Partial<OssClientOptions> = {}): OssClient {
  if (config.bucket && options.bucket) throw new Impossible('needs a bucket with another CORS rule');
  return new OssClient({
    region: config.region,
    bucket: config.bucket ?? 'open-bucket',
    endpoint: config.ossUrl,
    credentials,
    ...(fetch ? { fetch } : {}),
    ...PATIENCE,
    ...options,
  });
}

function makePresigned({ fetch }: Surroundings, options: PresignedClientOptions): PresignedClient {
  return new PresignedClient({ ...(fetch ? { fetch } : {}), ...PATIENCE, ...options });
}

/** Retries without long waits. */
const PATIENCE = { retry: { baseDelay: 1, maxDelay: 20 } };

async function post({ controlUrl }: Pick<SuiteOptions, 'controlUrl'>, path: string, body = ''): Promise<Response> {
  const response = await fetch(controlUrl + path, { method: 'POST', body });
  if (response.status === 501) throw new Impossible(await response.text());
  check(response.ok, `the control endpoint answered ${path} with ${response.status}`);
  return response;
}

/** Watches the timers of every client, the listeners of the global scope, and the console while the cases run. */
class Watch {
  readonly clock: Clock;
  readonly #problems: string[] = [];
  readonly #timers = new Set<unknown>();
  /** The listeners of the global scope, with their type of event. */
  readonly #listeners = new Map<unknown, string>();
  readonly #rejections = new Map<unknown, unknown>();
  readonly #restore: (() => void)[] = [];

  /** With `forgiving`, an unhandled rejection does not count if it is handled later. */
  constructor(forgiving: boolean, watchMore?: (report: (problem: string) => void) => void) {
    this.clock = {
      now: () => Date.now(),
      random: () => Math.random(),
      setTimeout: (callback, delay) => this.#start(callback, delay),
      clearTimeout: (timer) => this.#stop(timer),
    };
    const report = (problem: string) => void this.#problems.push(problem);
    watchMore?.(report);
    for (const level of ['warn', 'error'] as const) this.#listenToConsole(level, report);
    this.#listen('unhandledrejection', ({ promise, reason }) => this.#rejections.set(promise, reason));
    if (forgiving) this.#listen('rejectionhandled', ({ promise }) => this.#rejections.delete(promise));
    this.#listen('error', ({ message }) => report(`uncaught error: ${message}`));
    this.#listen('securitypolicyviolation', (event) => report(`policy violated: ${event['violatedDirective']}`));
    this.#countListeners();
  }

  /** Runs the work, and rejects when it takes too long. */
  limited(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`took more than ${TIME_LIMIT} ms`)), TIME_LIMIT);
      work()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  /**
   * Rejects when timers or listeners stay behind. They may exist for a moment after a case, because the code that waits
   * for a timer handles an abort after the caller does.
   */
  async nothingLeft(): Promise<void> {
    for (let waited = 0; this.#timers.size + this.#listeners.size > 0; waited += 10) {
      if (waited >= GRACE)
        throw new Error(`left behind: ${this.#timers.size} timers, listeners for [${[...this.#listeners.values()]}]`);
      await pause(10);
    }
  }

  forget(): void {
    this.#timers.clear();
    this.#listeners.clear();
  }

  /** Returns all problems. It first waits 50 ms, because the last problems may come late. */
  async end(): Promise<readonly string[]> {
    await pause(50);
    for (const restore of this.#restore.reverse()) restore();
    const rejections = [...this.#rejections.values()].map((reason) => `unhandled rejection: ${describe(reason)}`);
    return [...this.#problems, ...rejections];
  }

  #start(callback: () => void, delay: number): unknown {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delay);
    this.#timers.add(timer);
    return timer;
  }

  #stop(timer: unknown): void {
    this.#timers.delete(timer);
    clearTimeout(timer as number);
  }

  /** Watches the listeners of the global scope. Some runtimes have no listeners there. */
  #countListeners(): void {
    const { addEventListener, removeEventListener } = globalThis;
    if (!addEventListener) return;
    const replace = (name: string, act: (type: string, listener: unknown) => void, original: unknown) => {
      const own = Object.getOwnPropertyDescriptor(globalThis, name);
      const value = (...given: [type: string, listener: unknown]) => {
        act(...given);
        return Reflect.apply(original as () => void, globalThis, given) as unknown;
      };
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
      this.#restore.push(() => {
        if (own) Object.defineProperty(globalThis, name, own);
        else Reflect.deleteProperty(globalThis, name);
      });
    };
    replace('addEventListener', (type, listener) => this.#listeners.set(listener, type), addEventListener);
    replace('removeEventListener', (_, listener) => this.#listeners.delete(listener), removeEventListener);
  }

  #listenToConsole(level: 'warn' | 'error', report: (problem: string) => void): void {
    const original = console[level];
    console[level] = (...told: unknown[]) => report(`console.${level}: ${told.join(' ')}`);
    this.#restore.push(() => {
      console[level] = original;
    });
  }

  #listen(type: string, tell: (event: Event & Record<string, unknown>) => void): void {
    const target = type === 'securitypolicyviolation' ? globalThis.document : globalThis;
    target?.addEventListener?.(type, tell as unknown as EventListener);
    this.#restore.push(() => target?.removeEventListener?.(type, tell as unknown as EventListener));
  }
}

function pause(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}
