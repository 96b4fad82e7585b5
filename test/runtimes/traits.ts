/**
 * The table of the features that each runtime has. The suite checks the entries that it can check, so that the table
 * stays correct when a runtime changes.
 */

/** A feature that a case may need, or a behaviour of the platform. */
export type Trait =
  /** The runtime hides answers of another origin unless the CORS rules allow them. */
  | 'cors'
  /** The runtime sends no preflight before a simple request (Fetch standard) to another origin. */
  | 'simple-requests'
  /** There is a `document`, so the library refuses permanent keys. */
  | 'document'
  | 'xhr'
  /** `new ReadableStream({ type: 'bytes' })`. */
  | 'byte-streams'
  /** `for await (const chunk of stream)`. */
  | 'stream-iteration'
  | 'compression-streams'
  /** `crypto.subtle`, which is missing in pages over plain HTTP. */
  | 'subtle'
  /** The platform itself sends a POST again when its kept-alive connection breaks. */
  | 'repeats-posts'
  /** The platform obeys a request that forbids redirects. XMLHttpRequest always follows redirects. */
  | 'holds-redirects'
  /** The platform reports a rejection as unhandled although it is handled in the same turn of the event loop. */
  | 'hasty-rejections'
  /** A page can make a frame, whose classes are not the classes of the page. */
  | 'frames'
  /** `Bun.file()`, a Blob that is a file. */
  | 'bun-files'
  /** Code can run at the module scope of a Worker, outside of any request. */
  | 'module-scope';

/** The reason why a case is skipped on a runtime without the trait. */
export const REASONS: Readonly<Record<Trait, string>> = {
  cors: 'applies no CORS, because it is not a browser',
  'simple-requests': 'asks before every request to another origin',
  document: 'has no document',
  xhr: 'has no XMLHttpRequest',
  'byte-streams': 'has no byte streams',
  'stream-iteration': 'has no async iteration of streams',
  'compression-streams': 'has no CompressionStream',
  subtle: 'has no crypto.subtle',
  'repeats-posts': 'sends a POST once',
  'holds-redirects': 'follows every redirect',
  'hasty-rejections': 'waits for the turn to end',
  frames: 'has no frames',
  'bun-files': 'has no Bun.file()',
  'module-scope': 'has no module scope outside requests',
};

const MODERN = [
  'simple-requests',
  'byte-streams',
  'stream-iteration',
  'compression-streams',
  'subtle',
  'holds-redirects',
] as const;

const CHROMIUM = [...MODERN, 'cors', 'repeats-posts'] as const;
const FIREFOX = [...MODERN, 'cors', 'repeats-posts'] as const;
const WEBKIT = ['cors', 'simple-requests', 'compression-streams', 'subtle', 'holds-redirects'] as const;

const without = (traits: readonly Trait[], trait: Trait): Trait[] => traits.filter((one) => one !== trait);

/** The traits of each run, by its name. */
export const TRAITS: Readonly<Record<string, readonly Trait[]>> = {
  node: MODERN,
  'node 22': MODERN,
  'node 24': MODERN,
  deno: [...MODERN, 'repeats-posts'],
  bun: [...MODERN, 'bun-files'],
  workerd: [...MODERN, 'module-scope'],
  'workerd of 2023': [...MODERN, 'module-scope', 'hasty-rejections'],
  // happy-dom sends a preflight before all requests, and shows the whole answer.
  'happy-dom': [...without(MODERN, 'simple-requests'), 'document', 'xhr'],
  'chromium window': [...CHROMIUM, 'document', 'xhr', 'frames'],
  'chromium xhr': [...without(CHROMIUM, 'holds-redirects'), 'document', 'xhr', 'frames'],
  'chromium worker': [...CHROMIUM, 'xhr'],
  'chromium service worker': CHROMIUM,
  'chromium plain http': [...without(CHROMIUM, 'subtle'), 'document', 'xhr', 'frames'],
  'firefox window': [...FIREFOX, 'document', 'xhr', 'frames'],
  'firefox xhr': [...without(FIREFOX, 'holds-redirects'), 'document', 'xhr', 'frames'],
  'firefox worker': [...FIREFOX, 'xhr'],
  'firefox service worker': FIREFOX,
  'firefox plain http': [...without(FIREFOX, 'subtle'), 'document', 'xhr', 'frames'],
  'webkit window': [...WEBKIT, 'document', 'xhr', 'frames'],
  'webkit xhr': [...without(WEBKIT, 'holds-redirects'), 'document', 'xhr', 'frames'],
  'webkit worker': [...WEBKIT, 'xhr'],
  'webkit service worker': WEBKIT,
  'webkit plain http': [...without(WEBKIT, 'subtle'), 'document', 'xhr', 'frames'],
};

/** Functions that detect a trait from inside the runtime. The other traits are visible only to the server. */
export const DETECTORS: Partial<Record<Trait, () => boolean>> = {
  document: () => 'document' in globalThis,
  frames: () => 'document' in globalThis && 'HTMLIFrameElement' in globalThis,
  'bun-files': () => 'Bun' in globalThis,
  xhr: () => typeof XMLHttpRequest === 'function',
  'byte-streams': () => {
    try {
      return Boolean(new ReadableStream({ type: 'bytes' }).getReader({ mode: 'byob' }));
    } catch {
      return false;
    }
  },
  'stream-iteration': () => Symbol.asyncIterator in ReadableStream.prototype,
  'compression-streams': () => typeof CompressionStream === 'function',
  subtle: () => globalThis.crypto?.subtle !== undefined,
};
