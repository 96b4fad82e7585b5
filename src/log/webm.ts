/**
 * Cuts a WebM recording into its elements as it comes, so that whole clusters can be left out of it. Where clusters are missing, a
 * player shows a gap in time; where other bytes are missing, it does not play on.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8794 (EBML) and https://www.rfc-editor.org/rfc/rfc9559 (Matroska)
 */

import { concat } from '../bytes.ts';
import { OssError } from '../errors.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** A whole element, or the beginning of a Segment or Cluster whose end is not known when it begins. */
export interface MediaElement {
  readonly bytes: Bytes;
  /** Number of the cluster that the element is part of, from 1; 0 before the first one. */
  readonly cluster: number;
}

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const EBML = 0x1a45dfa3;

export class WebmSplitter {
  #rest: Bytes = new Uint8Array(0);
  #cluster = 0;
  #begun = false;

  /**
   * The elements that end in this chunk.
   *
   * @throws OssError (`NotWebm`) for bytes that are no WebM.
   */
  *split(chunk: Bytes): Generator<MediaElement, void, undefined> {
    this.#rest = concat([this.#rest, chunk], this.#rest.byteLength + chunk.byteLength);
    for (let size = this.#next(); size !== undefined && size <= this.#rest.byteLength; size = this.#next()) {
      if (idOf(this.#rest) === CLUSTER) this.#cluster++;
      yield { bytes: this.#rest.slice(0, size), cluster: this.#cluster };
      this.#rest = this.#rest.subarray(size);
    }
  }

  /** What is left at the end: nothing, of a whole recording. */
  end(): MediaElement {
    return { bytes: this.#rest, cluster: this.#cluster };
  }

  /** How long the next element is, bytes; `undefined` where not enough of it has come. */
  #next(): number | undefined {
    const id = numberAt(this.#rest, 0, true);
    const size = id && numberAt(this.#rest, id.length, false);
    if (!id || !size) return undefined;
    if (!this.#begun && id.value !== EBML) throw notWebm();
    this.#begun = true;
    const head = id.length + size.length;
    // Their content is cut into elements, too.
    if (id.value === SEGMENT || (id.value === CLUSTER && size.unknown)) return head;
    if (size.unknown || !Number.isSafeInteger(size.value)) throw notWebm();
    return head + size.value;
  }
}

interface VariableNumber {
  readonly value: number;
  /** Bytes that it takes. */
  readonly length: number;
  /** All bits are set: the size was not known when the element began. */
  readonly unknown: boolean;
}

/** A number whose first byte tells its length by its leading zero bits. An id keeps the bit that ends these; a size does not. */
function numberAt(bytes: Bytes, at: number, keepsMarker: boolean): VariableNumber | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const length = Math.clz32(first) - 23;
  if (length > (keepsMarker ? 4 : 8)) throw notWebm();
  if (at + length > bytes.byteLength) return undefined;
  const marker = 0x80 >> (length - 1);
  let value = keepsMarker ? first : first & (marker - 1);
  let unknown = (first | ~(marker - 1)) === -1;
  for (const byte of bytes.subarray(at + 1, at + length)) {
    value = value * 256 + byte;
    unknown &&= byte === 255;
  }
  return { value, length, unknown };
}

function idOf(bytes: Bytes): number | undefined {
  return numberAt(bytes, 0, true)?.value;
}

function notWebm(): OssError {
  return new OssError("Cannot cut the recording into clusters: it is no WebM. Use whenFull: 'wait' or 'stop'", {
    code: 'NotWebm',
  });
}
