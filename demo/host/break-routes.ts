/** The routes with which the page breaks things on a LocalOss: `faults`, `rival` and `stats`. */
import type { LocalOss } from '../../src/testing/index.ts';
import { FAULT_NAMES, type FaultName, type RivalAnswer, type ScopedFaults } from './contract.ts';
import type { FaultDesk } from './fault-desk.ts';
import { badRequest, fieldsOf, HostError, json } from './json.ts';
import type { Prepare } from './oss-fetch.ts';

/** Answers one request of the page. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** What the routes need. */
export interface BreakPlace {
  readonly oss: LocalOss;
  readonly bucket: string;
  readonly prefix: string;
  readonly desk: FaultDesk;
  readonly prepare?: Prepare | undefined;
  /** Called when the faults have changed, before the answer. */
  readonly onchange?: (() => Promise<void>) | undefined;
}

/** The most bytes that a rival appends at once. */
const MOST_TEXT = 65_536;

/** Makes the routes by method and path. */
export function breakRoutes(place: BreakPlace): Readonly<Record<string, Handler>> {
  const { desk, prefix } = place;
  return {
    'GET /faults': (request) => json(faultsOf(desk, scopeIn(request, prefix))),
    'PUT /faults': async (request) => {
      const { scope, active } = await fieldsOf(request);
      desk.set({ scope: checkScope(scope, prefix), active: checkNames(active) });
      await place.onchange?.();
      return json(faultsOf(desk, checkScope(scope, prefix)));
    },
    'GET /stats': (request) => json(desk.stats(scopeIn(request, prefix))),
    'POST /rival': async (request) => json(await rival(place, await fieldsOf(request))),
  };
}

function faultsOf(desk: FaultDesk, scope: string): ScopedFaults {
  return { scope, active: desk.active(scope) };
}

function scopeIn(request: Request, prefix: string): string {
  return checkScope(new URL(request.url).searchParams.get('scope'), prefix);
}

function checkScope(scope: unknown, prefix: string): string {
  if (typeof scope === 'string' && scope.startsWith(prefix) && scope.endsWith('/')) return scope;
  throw badRequest(`scope must begin with ${prefix} and end with /`);
}

function checkNames(names: unknown): readonly FaultName[] {
  if (Array.isArray(names) && names.every(isFaultName)) return names;
  throw badRequest(`active must be a list of these names: ${FAULT_NAMES.join(', ')}`);
}

function isFaultName(name: unknown): name is FaultName {
  return FAULT_NAMES.some((known) => known === name);
}

/** Appends a text as another writer, without a request. */
async function rival(place: BreakPlace, { key, text }: Readonly<Record<string, unknown>>): Promise<RivalAnswer> {
  const { oss, bucket, prefix, prepare } = place;
  if (typeof key !== 'string' || !key.startsWith(prefix) || key.endsWith('/'))
    throw badRequest(`key must begin with ${prefix} and name an object`);
  if (typeof text !== 'string') throw badRequest('text must be a string');
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < 1 || bytes.length > MOST_TEXT)
    throw badRequest(`text must have 1 to ${MOST_TEXT} bytes, and this one has ${bytes.length}`);
  await prepare?.(key);
  const before = oss.object(bucket, key)?.length ?? 0;
  try {
    oss.appendObject(bucket, key, bytes);
  } catch {
    throw new HostError(409, 'NotAppendable', 'The rival cannot append, because the object takes no appends');
  }
  return { position: before + bytes.length };
}
