// What the page is asked to do, and what it answers. Both go over HTTP: a DevTools connection would slow uploads of bytes
// to a tenth (seen with Chromium 156), so the browser is started without one.
import type { Row } from '../measure.ts';

/** Who appends, and how. */
export type Sender = 'fetch' | 'header' | 'query' | 'presigned' | 'ali-oss';

/** One thing for the page to do. */
export type Job =
  | { readonly kind: 'small'; readonly url: string; readonly sender: Sender; readonly appends: number }
  | {
      readonly kind: 'large';
      readonly url: string;
      readonly sender: Sender;
      readonly from: 'blob' | 'stream';
      readonly size: number;
      readonly segmentSize: number | undefined;
    }
  | { readonly kind: 'idle'; readonly time: number }
  | { readonly kind: 'compute'; readonly rounds: number };

/** What it took. */
export interface Outcome {
  /** s */
  readonly time: number;
  /** The longest that the main thread was busy at a stretch, ms. */
  readonly longestTask: number;
  /** Of a job of the kind `compute`. */
  readonly rows?: readonly Row[];
}
