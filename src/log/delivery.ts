/**
 * Stores one batch in an object exactly once, however many calls this takes. It combines the engine's `append` and
 * `settle`: after a failed call, `settle` finds out what is stored before anything else is sent.
 */

import type { AppendableObject } from '../append/object.ts';
import { AppendConflictError } from '../errors.ts';

export class Delivery {
  readonly object: AppendableObject;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #stored = 0;
  /** The error of the last call, as long as nobody knows whether its bytes are stored. */
  #failure: unknown;

  constructor(object: AppendableObject, bytes: Uint8Array<ArrayBuffer>) {
    this.object = object;
    this.#bytes = bytes;
  }

  /** The bytes that are not known to be stored. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#stored);
  }

  /**
   * Stores the bytes that are not stored yet. If it fails, call it again: nothing is lost, and nothing is stored twice.
   */
  async attempt(signal: AbortSignal | undefined): Promise<void> {
    if (this.#failure !== undefined) await this.#settle(signal);
    if (this.rest.byteLength === 0) return;
    await this.#noting(async () => {
      await this.object.append(this.rest, { signal });
      this.#stored = this.#bytes.byteLength;
    });
  }

  async #settle(signal: AbortSignal | undefined): Promise<void> {
    const failure = this.#failure;
    if (isGone(failure)) this.#stored += failure.loaded ?? 0;
    else if (isInAnother(failure)) {
      // This fails for an object that cannot be appended to.
      await this.object.open({ signal });
      this.#stored += failure.size;
    } else
      await this.#noting(async () => {
        const { loaded } = await this.object.settle(failure, { signal });
        this.#stored += loaded;
      });
    this.#failure = undefined;
  }

  async #noting(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }
}

/**
 * True if the object was deleted, became shorter than the place of the batch, or is another one that ends there. Then the batch is not
 * stored. The log goes on at the end of the object. If a late request is stored there first, the bytes are found.
 */
function isGone(error: unknown): error is AppendConflictError {
  return error instanceof AppendConflictError && error.outcome !== 'stored' && (error.found ?? 0) <= error.position;
}

/**
 * True if the object was replaced by another one that has the bytes of the batch at the expected position. With other
 * bytes there, the outcome would be `absent`. The records of a log differ, so the batch is stored.
 */
function isInAnother(error: unknown): error is AppendConflictError {
  if (!(error instanceof AppendConflictError) || error.outcome !== 'unknown') return false;
  return error.size > 0 && (error.found ?? 0) >= error.position + error.size;
}
