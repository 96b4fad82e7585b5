// The messages between the benchmark and the page: a job and its outcome. Both are sent over HTTP, and the browser is
// started without a DevTools connection. With such a connection, Chromium 156 uploads bytes at a tenth of its speed.
import type { Row } from '../measure.ts';

/** The way in which the page appends: bare `fetch`, OssClient with one kind of signature, or ali-oss. */
export type Sender = 'fetch' | 'header' | 'query' | 'presigned' | 'ali-oss';

/** One task for the page. */
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

/** The measurements of one job. */
export interface Outcome {
  /** Duration in s. */
  readonly time: number;
  /** The longest time for which the main thread was busy without a break, in ms. */
  readonly longestTask: number;
  /** The results of a job of the kind `compute`; absent for the other kinds. */
  readonly rows?: readonly Row[];
}
