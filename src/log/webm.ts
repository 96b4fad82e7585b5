/**
 * Cuts a WebM recording into its elements while it arrives, so that whole clusters can be left out. If clusters are
 * missing, a player shows a gap in time. If other bytes are missing, it stops or shows damaged pictures.
 */

import { concat } from '../bytes.ts';
import { OssError } from '../errors.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** A whole element, or the beginning of a Segment or Cluster whose end is not known when it begins. */
export interface MediaElement {
  readonly bytes: Bytes;
  /** Number of the cluster that contains the element, from 1. It is 0 before the first cluster. */
  readonly cluster: number;
  /**
   * The track of a SimpleBlock, and whether a player can begin with this block. Other elements do not have this field.
   */
  readonly block?: { readonly track: number; readonly isKey: boolean } | undefined;
}

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const EBML = 0x1a45dfa3;
const SIMPLE_BLOCK = 0xa3;

export class WebmSplitter {
  #rest: Bytes = new Uint8Array(0);
  #cluster = 0;
  #begun = false;

  /**
   * Returns the elements that end in this chunk.
   *
   * @throws OssError (`NotWebm`) if the bytes are not WebM.
   */
  *split(chunk: Bytes): Generator<MediaElement, void, undefined> {
    this.#rest = concat([this.#rest, chunk], this.#rest.byteLength + chunk.byteLength);
    for (let size = this.#next(); size !== undefined && size <= this.#rest.byteLength; size = this.#next()) {
      if (idOf(this.#rest) === CLUSTER) this.#cluster++;
      const bytes = this.#rest.slice(0, size);
      yield { bytes, cluster: this.#cluster, block: blockOf(bytes) };
      this.#rest = this.#rest.subarray(size);
    }
  }

  /** Returns the bytes that are left at the end. A whole recording leaves none. */
  end(): MediaElement {
    return { bytes: this.#rest, cluster: this.#cluster };
  }

  /** Returns the length of the next element, bytes. It is `undefined` if too little of the element has arrived. */
  #next(): number | undefined {
    const id = numberAt(this.#rest, 0, true);
    const size = id && numberAt(this.#rest, id.length, false);
    if (!id || !size) return undefined;
    if (!this.#begun && id.value !== EBML) throw notWebm();
    this.#begun = true;
    const head = id.length + size.length;
    // The content of these elements is cut into elements, too.
    if (id.value === SEGMENT || (id.value === CLUSTER && size.unknown)) return head;
    if (size.unknown || !Number.isSafeInteger(size.value)) throw notWebm();
    return head + size.value;
  }
}

/** A SimpleBlock begins with its track, its time in two bytes, and its flags. */
function blockOf(bytes: Bytes): MediaElement['block'] {
  const id = numberAt(bytes, 0, true);
  const size = id?.value === SIMPLE_BLOCK ? numberAt(bytes, id.length, false) : undefined;
  if (!id || !size) return undefined;
  const start = id.length + size.length;
  const track = numberAt(bytes, start, false);
  if (!track) throw notWebm();
  return { track: track.value, isKey: ((bytes[start + track.length + 2] ?? 0) & 0x80) > 0 };
}

interface VariableNumber {
  readonly value: number;
  /** The number of bytes that it takes. */
  readonly length: number;
  /** All bits are set: the size was not known when the element began. */
  readonly unknown: boolean;
}

/**
 * Reads a number. The zero bits at the beginning of its first byte show its length. An id includes the bit after them;
 * a size does not.
 */
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
  return new OssError("Cannot cut the recording into clusters: it is not WebM. Use whenFull: 'wait' or 'stop'", {
    code: 'NotWebm',
  });
}
