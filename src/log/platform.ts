/** The parts of a page or a worker that a log uses, besides `fetch`. Each part may be missing. */

/** A deferred request, as `fetchLater` returns it. */
export interface DeferredRequest {
  /** True when the browser has sent it. */
  readonly activated: boolean;
}

/** The part of a page's `document` that a log uses. The type `Document` is missing in the types of Workers and Node. */
export interface LogDocument {
  readonly visibilityState: string;
  addEventListener(type: string, listener: (event: Event) => void): void;
  removeEventListener(type: string, listener: (event: Event) => void): void;
}

/** The constructor of the platform's CompressionStream. */
export type Compression = new (format: 'gzip') => object;

/** The globals that a log uses. The default is `globalThis`; tests give others. */
export interface LogPlatform {
  /** It exists in pages. The log flushes when the page is hidden, and signs in the query by default. */
  readonly document?: LogDocument | undefined;
  readonly addEventListener?: ((type: string, listener: (event: Event) => void) => void) | undefined;
  readonly removeEventListener?: ((type: string, listener: (event: Event) => void) => void) | undefined;
  readonly fetchLater?: ((url: string, init: RequestInit) => DeferredRequest) | undefined;
  /** It compresses segments with `gzip`. Old browsers do not have it. */
  readonly CompressionStream?: Compression | undefined;
}
