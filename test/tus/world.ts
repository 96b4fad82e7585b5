/** What all clients share: the store with its faults, an edge in a real runtime, and a network that drops connections. */

import type { FaultRequest, LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import type { RunningEdge, StartEdge } from '../edge/runtimes.ts';
import { BUCKET, ENVIRONMENT, makeCloud } from '../edge/world.ts';
import { type Cutter, startCutter } from './cutter.ts';

/** Counts what passed and failed, and prints it. */
export class Results {
  passed = 0;
  failed = 0;

  check(what: string, ok: boolean, found = ''): void {
    if (ok) this.passed++;
    else this.failed++;
    console.log(`${ok ? 'passed' : 'failed'}: ${what}${found && ` (${found})`}`);
  }

  /** Runs a scenario. An exception is its failure. */
  async run(what: string, scenario: () => Promise<string | undefined>): Promise<void> {
    try {
      this.check(what, true, await scenario());
    } catch (error) {
      this.check(what, false, error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
  }
}

/** Returns the same numbers from 0 to 1 for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The store refuses the next requests of the edge, for example because its RAM user is disabled. */
interface Outage {
  /** The number of requests that it still refuses. */
  left: number;
}

/** Every seventh append has a fault of the store. */
function trouble({ operation, nth }: FaultRequest, outage: Outage) {
  if (outage.left-- > 0) return { kind: 'refuse', status: 403, code: 'UserDisable' } as const;
  if (operation !== 'AppendObject' || nth % 7 !== 3) return undefined;
  return nth % 2 ? ({ kind: 'drop-after' } as const) : ({ kind: 'error-before', status: 503 } as const);
}

interface Store {
  readonly oss: LocalOss;
  readonly outage: Outage;
}

/** An edge in a runtime, and the ways to it: a good network, and one that drops connections. */
export class World {
  readonly oss: LocalOss;
  readonly edge: RunningEdge;
  readonly cutter: Cutter;
  readonly outage: Outage;
  readonly #server: Served;
  /** The cookie of a session, and the beginning of the keys of its user. */
  cookie = '';
  prefix = '';

  private constructor({ oss, outage }: Store, server: Served, edge: RunningEdge, cutter: Cutter) {
    this.oss = oss;
    this.outage = outage;
    this.#server = server;
    this.edge = edge;
    this.cutter = cutter;
  }

  /** Starts everything. `origin` is the origin of the page that may call the edge. */
  static async start(start: StartEdge, origin: string, seed: number): Promise<World> {
    const outage = { left: 0 };
    const { oss } = makeCloud({ faults: (request) => trouble(request, outage) });
    const server = await serve((request) => oss.fetch(request));
    const more = { OSS_ENDPOINT: server.url, ORIGINS: origin, DELETES_UPLOADS: 'true', MAX_OBJECT_SIZE: '50000000' };
    const edge = await start({ ...ENVIRONMENT, ...more });
    const random = randomFrom(seed);
    const cutter = await startCutter(edge.url, () => 20_000 + random() * 600_000);
    const world = new World({ oss, outage }, server, edge, cutter);
    const session = await fetch(`${edge.url}/session`, { method: 'POST' });
    world.prefix = (await session.json()).prefix;
    world.cookie = session.headers.get('set-cookie')?.split(';')[0] ?? '';
    return world;
  }

  async stop(): Promise<void> {
    await this.cutter.close();
    await this.edge.stop();
    await this.#server.close();
  }

  /** Returns the bytes of the object that an upload's URL names. */
  bytesOf(url: string): Uint8Array | undefined {
    return this.oss.object(BUCKET, keyOf(url))?.bytes();
  }

  /** @throws Error if the object of an upload does not have exactly these bytes. */
  checkBytes(url: string, bytes: Uint8Array): void {
    const stored = this.bytesOf(url);
    if (!stored) throw new Error('the object is not there');
    if (Buffer.compare(stored, bytes) === 0) return;
    throw new Error(`the object has ${stored.length} bytes, and not the ${bytes.length} bytes of the file`);
  }
}

/** Returns the key in the URL of an upload. */
export function keyOf(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice('/upload/'.length));
}
