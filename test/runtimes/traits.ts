/**
 * The one table of what a runtime has and lacks. The suite checks it where it can be checked, so that it stays true
 * when a runtime changes.
 */

/** What a case may need, and what the platform does by itself. */
export type Trait =
  /** Answers of another origin are withheld unless its CORS rules allow them. */
  | 'cors'
  /** Nothing is asked before a simple request (Fetch standard), to other origins either. */
  | 'simple-requests'
  /** There is a `document`: permanent keys are refused. */
  | 'document'
  | 'xhr'
  /** `new ReadableStream({ type: 'bytes' })`. */
  | 'byte-streams'
  /** `for await (const chunk of stream)`. */
  | 'stream-iteration'
  | 'compression-streams'
  /** `crypto.subtle`: absent on plain-HTTP pages. */
  | 'subtle'
  /** A POST is sent again by the platform when the kept-alive connection it went out on dies. */
  | 'repeats-posts'
  /** A redirect is not followed where the request says so: XMLHttpRequest always follows. */
  | 'holds-redirects'
  /** A rejection counts as unhandled before the turn in which it is handled has ended. */
  | 'hasty-rejections'
  /** The code runs at a Worker's module scope, outside any request. */
  | 'module-scope';

/** Why a case was left out. */
export const REASONS: Readonly<Record<Trait, string>> = {
  cors: 'applies no CORS: it is no browser',
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

/** By the name of a run. */
export const TRAITS: Readonly<Record<string, readonly Trait[]>> = {
  node: MODERN,
  'node 22': MODERN,
  'node 24': MODERN,
  deno: [...MODERN, 'repeats-posts'],
  bun: MODERN,
  workerd: [...MODERN, 'module-scope'],
  'workerd of 2023': [...MODERN, 'module-scope', 'hasty-rejections'],
  // It asks before all requests, and hides nothing of the answers.
  'happy-dom': [...without(MODERN, 'simple-requests'), 'document', 'xhr'],
  'chromium window': [...CHROMIUM, 'document', 'xhr'],
  'chromium xhr': [...without(CHROMIUM, 'holds-redirects'), 'document', 'xhr'],
  'chromium worker': [...CHROMIUM, 'xhr'],
  'chromium service worker': CHROMIUM,
  'chromium plain http': [...without(CHROMIUM, 'subtle'), 'document', 'xhr'],
  'firefox window': [...FIREFOX, 'document', 'xhr'],
  'firefox xhr': [...without(FIREFOX, 'holds-redirects'), 'document', 'xhr'],
  'firefox worker': [...FIREFOX, 'xhr'],
  'firefox service worker': FIREFOX,
  'firefox plain http': [...without(FIREFOX, 'subtle'), 'document', 'xhr'],
  'webkit window': [...WEBKIT, 'document', 'xhr'],
  'webkit xhr': [...without(WEBKIT, 'holds-redirects'), 'document', 'xhr'],
  'webkit worker': [...WEBKIT, 'xhr'],
  'webkit service worker': WEBKIT,
  'webkit plain http': [...without(WEBKIT, 'subtle'), 'document', 'xhr'],
};

/** What can be seen from within; the rest shows on the wire. */
export const DETECTORS: Partial<Record<Trait, () => boolean>> = {
  document: () => 'document' in globalThis,
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
