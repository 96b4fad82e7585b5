/** Puts a LocalOss behind any origin: the server's, or that of the page in the static build. */
import type { LocalOss } from '../../src/testing/index.ts';
import type { FaultDesk } from './fault-desk.ts';

/** Takes the same arguments as the global `fetch`. */
export type OssFetch = (input: Request | URL | string, init?: RequestInit) => Promise<Response>;

/** LocalOss knows path style only for this host. No signature contains the host. */
const LOCAL = 'http://localhost';

const TOKEN = 'x-oss-security-token';

/** A LocalOss with its faults. */
export interface OssPlace {
  readonly oss: LocalOss;
  readonly desk: FaultDesk;
  readonly prepare?: Prepare | undefined;
}

/** Called with a key before the first look at its object, for a host that keeps its objects elsewhere. */
export type Prepare = (key: string) => Promise<void>;

/** Returns a `fetch` that reaches a LocalOss in path style, and tells the desk which requests have an STS token. */
export function ossFetchOf({ oss, desk, prepare }: OssPlace): OssFetch {
  return async (input, init = {}) => {
    const isRequest = typeof input === 'object' && 'method' in input;
    const { pathname, search, searchParams } = new URL(isRequest ? input.url : input);
    const given = isRequest ? await initOf(input) : init;
    await prepare?.(keyOf(pathname));
    const withToken = new Headers(given.headers).has(TOKEN) || searchParams.has(TOKEN);
    return desk.during({ withToken }, () => oss.fetch(LOCAL + pathname + search, given));
  };
}

/** Returns the key in a path such as `/bucket/a/b`, or an empty text if it is not encoded as it should be. */
function keyOf(pathname: string): string {
  try {
    return decodeURIComponent(pathname.replace(/^\/[^/]*\/?/, ''));
  } catch {
    return '';
  }
}

/** Returns the parts of a request that LocalOss reads. */
async function initOf(request: Request): Promise<RequestInit> {
  const { method, headers, signal } = request;
  if (method !== 'POST' && method !== 'PUT') return { method, headers, signal };
  if (headers.has('content-length')) return { method, headers, signal, ...streamOf(request) };
  // A Service Worker does not see the header, although the browser knows the length.
  return { method, headers, signal, body: await request.arrayBuffer() };
}

function streamOf({ body }: Request): RequestInit {
  return { body, duplex: 'half' } as RequestInit;
}
