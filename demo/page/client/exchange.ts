/** One request of the library as the page sees it. It never holds a query string, because that may contain a signature. */

/** What a request does, as far as its method and its path show it. */
export type Operation = 'append' | 'head' | 'get' | 'token' | 'grant' | 'other';

/** A request that was sent. Times are in ms since the epoch, sizes and positions in bytes. */
export interface Sent {
  readonly id: number;
  readonly operation: Operation;
  readonly at: number;
  /** Where an append goes. */
  readonly position?: number | undefined;
  readonly size: number;
}

/** How a request ended. */
export interface Ended extends Sent {
  readonly duration: number;
  readonly outcome: Outcome;
}

export type Outcome =
  | { readonly kind: 'answered'; readonly status: number; readonly answer: AnswerFacts }
  | { readonly kind: 'no-answer' }
  | { readonly kind: 'aborted' };

/** What the story needs of an answer. */
export interface AnswerFacts {
  /** The code of a refusal, such as `SecurityTokenExpired`. */
  readonly code?: string | undefined;
  /** The length of the object that the answer names, bytes. */
  readonly length?: number | undefined;
  /** The CRC-64 of the whole object, decimal. */
  readonly crc?: string | undefined;
  /** True if the answer has the request id that proves that it comes from OSS, or if it comes from the edge. */
  readonly isGenuine: boolean;
}
