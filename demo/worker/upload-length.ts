/** Keeps the lengths of uploads whose clients do not know the length at first, in Durable Objects of Cloudflare. */
import type { KeepLength } from '../../src/edge/index.ts';

/** The part of a Durable Object's state that this file uses. */
interface DurableObjectState {
  readonly storage: {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
    setAlarm(time: number): Promise<void>;
    deleteAll(): Promise<void>;
  };
}

/** The part of a Durable Object namespace that this file uses. */
export interface UploadLengths<Id = unknown> {
  idFromName(name: string): Id;
  get(id: Id): { fetch(url: string, init: RequestInit): Promise<Response> };
}

/** The time in ms after which no URL of the upload is valid. It is the default of `uploadLife`. */
const LIFE = 86_400_000;

/** A Durable Object that keeps the length of one upload. */
export class UploadLength {
  readonly #storage: DurableObjectState['storage'];

  constructor({ storage }: DurableObjectState) {
    this.#storage = storage;
  }

  /** Keeps the length in the request, if none is kept yet, and answers with the kept length. */
  async fetch(request: Request): Promise<Response> {
    const { length = null } = await request.json();
    // While a Durable Object waits for its storage, it gets no other request. So the first length wins.
    const kept = (await this.#storage.get('length')) ?? null;
    if (kept !== null || length === null) return Response.json(kept);
    await this.#storage.put('length', length);
    await this.#storage.setAlarm(Date.now() + LIFE);
    return Response.json(length);
  }

  /** Forgets the length when the upload's URL is no longer valid. */
  async alarm(): Promise<void> {
    await this.#storage.deleteAll();
  }
}

/**
 * Makes the option `keepLength` from a binding. Without the binding, clients must send the length when they create
 * uploads.
 */
export function keepLengthIn(lengths: UploadLengths | undefined): KeepLength | undefined {
  return (
    lengths &&
    (async ({ upload, length }) => {
      const init = { method: 'POST', body: JSON.stringify({ length }) };
      return (await lengths.get(lengths.idFromName(upload)).fetch('https://upload-length/', init)).json();
    })
  );
}
