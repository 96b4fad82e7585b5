/** The upload of one file, from its start over pauses to its end. It knows nothing of Uppy's state. */

import type { AppendableObject } from '../append/object.ts';
import type { ObjectTail } from '../tail.ts';
import type { UploadClient } from './options.ts';
import type { Throttle } from './throttle.ts';

/** What a transfer works on. */
export interface TransferInit {
  /** The id of the file in Uppy's state. */
  readonly id: string;
  readonly name: string;
  readonly client: UploadClient;
  readonly blob: Blob;
  readonly object: AppendableObject;
  readonly progress: Throttle;
  /** Finds the address of the object. */
  readonly locate: () => Promise<string | undefined>;
}

/** A stored file. */
export interface Stored {
  readonly tail: ObjectTail;
  readonly url: string | undefined;
}

export class Transfer {
  readonly id: string;
  readonly name: string;
  /** Resolves when the file is stored, has failed, or was removed. */
  readonly ended: Promise<void>;
  readonly #init: TransferInit;
  #resolve: () => void = () => {};
  /** Ends the run that is in flight. */
  #controller: AbortController | undefined;

  constructor(init: TransferInit) {
    this.id = init.id;
    this.name = init.name;
    this.#init = init;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get client(): UploadClient {
    return this.#init.client;
  }

  get key(): string {
    return this.#init.object.key;
  }

  /**
   * Appends the rest of the file. Resolves to undefined if the run was stopped in the meantime. A request of a stopped
   * run may still be stored; the next run finds out.
   */
  async run(): Promise<Stored | undefined> {
    const { object, blob, progress, locate } = this.#init;
    const controller = new AbortController();
    this.#controller = controller;
    const { signal } = controller;
    const onprogress = ({ loaded }: { readonly loaded: number }) => {
      if (!signal.aborted) progress.report(loaded);
    };
    try {
      const tail = await object.resume(blob, { signal, onprogress });
      const url = await locate();
      return signal.aborted ? undefined : { tail, url };
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** Stops the run that is in flight. The next `run` goes on where the object ends. */
  stop(): void {
    this.#controller?.abort();
    this.#controller = undefined;
  }

  /** Reports the last progress at once. */
  flushProgress(): void {
    this.#init.progress.flush();
  }

  /** Ends the transfer finally. No progress is reported after this. */
  end(): void {
    this.stop();
    this.#init.progress.cancel();
    this.#resolve();
  }
}
