/**
 * Appends one body to an object. It uses the engine directly, because a body in segments needs neither the queue of an
 * `AppendableObject` nor its copies.
 */

import type { Call } from '../append/call.ts';
import type { Engine } from '../append/engine.ts';
import { Evidence } from '../append/evidence.ts';
import { Ledger } from '../append/ledger.ts';
import { ensureOpen } from '../append/open.ts';
import { SegmentPace } from '../append/pace.ts';
import { pump } from '../append/pump.ts';
import { crc64 } from '../crc64.ts';
import { OssError, withFacts } from '../errors.ts';
import type { OssClient } from '../request/client.ts';
import { laterOptions } from '../request/headers.ts';
import type { Segment, SegmentReader } from '../source/segment.ts';
import { type ObjectTail, parseTail, publicTail } from '../tail.ts';
import type { BodySegments } from './body-segments.ts';
import { Refusal } from './refusal.ts';
import { SEGMENT } from './segment-memory.ts';

/** The object of a body. */
export interface BodyTarget {
  readonly client: OssClient;
  readonly key: string;
  /** The end of the object, if it is known. */
  readonly tail?: ObjectTail;
  /** The media type, if this body creates the object. */
  readonly contentType: string | null;
  /** Other headers of the object, if this body creates it. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly segmentSize: number | undefined;
}

export class BodyAppender {
  readonly #engine: Engine;

  constructor({ client, key, tail, contentType, headers, segmentSize = SEGMENT.most }: BodyTarget) {
    this.#engine = {
      ...{ key, client, shared: false, crc64: undefined, split },
      ledger: new Ledger(tail && parseTail('tail', tail)),
      evidence: new Evidence(client, key),
      pace: new SegmentPace(segmentSize),
      // Segments are always full. Otherwise a slow sender would cost one subrequest for every second.
      flushAfter: Number.POSITIVE_INFINITY,
      creation: { contentType, headers },
      later: laterOptions({}),
    };
  }

  get key(): string {
    return this.#engine.key;
  }

  /** Returns the end of the object, and reads it from OSS if it is not known. @throws OssError */
  async open(): Promise<ObjectTail> {
    return publicTail(await ensureOpen(this.#engine, undefined));
  }

  /**
   * Appends a body. If the body breaks off or is refused while it is read, the bytes before are stored first, and the
   * refusal has the tail.
   *
   * @throws Refusal, OssError
   */
  async append(body: BodySegments): Promise<ObjectTail> {
    const onprogress = ({ loaded }: { loaded: number }) => body.confirm(loaded);
    const call: Call = { onprogress, total: undefined, type: '', inMemory: true, resumes: false, loaded: 0 };
    try {
      await pump(this.#engine, body, call);
    } catch (error) {
      throw this.#failure(error, call);
    } finally {
      body.cancel();
    }
    const { refusal } = body;
    const tail = publicTail(this.#engine.ledger.end);
    if (refusal) throw refusal.with({ tail, loaded: call.loaded });
    return tail;
  }

  #failure(error: unknown, { flight, loaded }: Call): unknown {
    const { ledger } = this.#engine;
    const tail = ledger.tail && publicTail(ledger.tail);
    if (error instanceof Refusal) return error.with({ tail, loaded });
    return error instanceof OssError ? withFacts(error, { tail, loaded, outcome: ledger.fail(flight) }) : error;
  }
}

/** Splits a segment, for example because OSS or a proxy accepts only shorter bodies. */
function split(body: Segment['body']): Pick<SegmentReader, 'next'> {
  // The type allows a Blob too, but the edge makes its segments from bytes only.
  let rest = body as Uint8Array<ArrayBuffer>;
  const next = async (size: number) => {
    const part = rest.subarray(0, size);
    rest = rest.subarray(size);
    return { size: part.byteLength, crc: crc64(part), body: part };
  };
  return { next };
}
