/**
 * The Service Worker of the static build. It answers the page in place of a server: requests for objects by LocalOss,
 * and the routes of the contract and of the edge by the host. All other requests go to the network.
 */
import { makeLocalHost, newIdentity } from '../local-host.ts';
import { WorkerStore } from './store.ts';

/** An event that can last. */
interface LongEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface FetchEvent extends LongEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface MessageEventOfPage extends LongEvent {
  readonly data: unknown;
}

/** The part of the global object of a Service Worker that this file uses. */
interface WorkerScope {
  readonly location: Location;
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: LongEvent) => void): void;
  addEventListener(type: 'message', listener: (event: MessageEventOfPage) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchEvent) => void): void;
}

const worker = globalThis as unknown as WorkerScope;

/** The objects are at `/local-oss-append/{key}` of the page's origin, because OSS has no other path style. */
const BUCKET = 'local-oss-append';
const ROUTES = /^\/(config|faults|rival|stats|session|token|grants?|upload(\/.*)?)$/;

const { origin } = worker.location;
const base = new URL(worker.registration.scope).pathname.replace(/\/$/, '');

let host: Promise<ReturnType<typeof makeLocalHost>> | undefined;

/** Makes the host at the first request of this life of the worker. */
async function start(): Promise<ReturnType<typeof makeLocalHost>> {
  const store = await WorkerStore.open().catch((error: unknown) => {
    console.warn('This browser stores nothing for this page, so objects live as long as its worker.', error);
    return undefined;
  });
  const first = newIdentity();
  const identity = (await store?.identity(first)) ?? first;
  // A worker can neither read nor set cookies. Everybody who uses this browser is the same user.
  const place = { bucket: BUCKET, endpoint: origin, origins: [origin], base, user: 'you' };
  const made = makeLocalHost({ mode: 'static', identity, store, ...place });
  const desk = await store?.desk();
  if (desk) made.desk.restore(desk);
  return made;
}

async function answer(request: Request, isObject: boolean): Promise<Response> {
  host ??= start();
  const { ossFetch, page } = await host;
  // A lost connection rejects. The page then sees the same error as without a network.
  const answering = isObject ? ossFetch(request) : page(request);
  return answering.catch(() => Response.error());
}

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener('activate', (event) => event.waitUntil(worker.clients.claim()));
// After a hard reload, a page has no worker until the worker claims it.
worker.addEventListener('message', (event) => {
  if (event.data === 'claim') event.waitUntil(worker.clients.claim());
});
worker.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== origin) return;
  const isObject = url.pathname.startsWith(`/${BUCKET}/`);
  const isRoute = url.pathname.startsWith(`${base}/`) && ROUTES.test(url.pathname.slice(base.length));
  if (isObject || isRoute) event.respondWith(answer(event.request, isObject));
});
