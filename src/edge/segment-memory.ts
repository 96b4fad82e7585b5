/**
 * Divides memory among the uploads that a process serves at the same time. All requests of an isolate of a Worker share
 * 128 MB. So the memory that one upload may use depends on the other uploads.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** The limits of the memory, in bytes. */
export const SEGMENT: Readonly<Record<'least' | 'most' | 'all' | 'held', number>> = {
  /** Every upload gets one buffer of this length, even if no memory is left. */
  least: 384 * KIB,
  /** Longer segments would save little: a subrequest of a Worker costs about as much CPU time as 150 KiB of a body. */
  most: 2 * MIB,
  /** The limit of all buffers together. Beyond this limit, each upload still gets its one buffer of the least length. */
  all: 20 * MIB,
  /**
   * Bodies that must be held completely may use this much even beyond `all`. Without it, 50 other uploads, which always
   * get their buffers, could keep such bodies out for hours. It is also the greatest length of such a body.
   */
  held: 8 * MIB,
};

/** A segment gets this part of the memory that is left, so that much is left for the uploads that come later. */
const PART = 8;
/**
 * A platform can end a request without running its code to the end, for example when the client of a Worker leaves. So
 * the memory of an upload that read nothing for this time, in ms, does not count any more. While an append of 2 MiB is in
 * flight, an upload can read nothing for 94 s.
 */
const FORGOTTEN = 120_000;

/** The request of an upload for a buffer. */
export interface Wish {
  /** The number of bytes that could still come. The buffer never gets larger than this number. */
  readonly most: number;
  /** The time in ms. */
  readonly now: number;
  /** True if the upload can go on without this buffer. Such an upload gets no buffer when little memory is left. */
  readonly isOptional?: boolean;
}

/** What the memory knows about the buffer of one holder. */
interface Taken {
  /** The length in bytes. */
  readonly size: number;
  /** The time in ms at which the holder last read something. */
  readonly since: number;
  /** True for a body that is held completely. */
  readonly isHeld: boolean;
}

/** A buffer that its holder still uses. */
interface KeptBuffer {
  readonly size: number;
  /** The time in ms. */
  readonly now: number;
  readonly isHeld?: boolean;
}

/** Counts the buffers of all uploads, and decides how large each one is. */
export class SegmentMemory {
  readonly #buffers = new Map<object, Taken>();

  /**
   * Returns the size of a holder's buffer for its next segment, in bytes. The size stays the same if it is near to the
   * best one, because a new buffer costs time. The size is 0 if there is no memory for an optional buffer.
   */
  take(holder: object, { most, now, isOptional = false }: Wish): number {
    const before = this.#buffers.get(holder)?.size ?? 0;
    this.#buffers.delete(holder);
    const part = (SEGMENT.all - this.#taken(now)) / PART;
    if (isOptional && part < SEGMENT.least) return 0;
    const room = Math.floor(Math.min(Math.max(part, SEGMENT.least), SEGMENT.most));
    const isGood = before <= room * 1.25 && before >= Math.min(most, room / 2);
    const size = isGood ? before : Math.min(most, room);
    this.#buffers.set(holder, { size, since: now, isHeld: false });
    return size;
  }

  /**
   * Reserves memory for a body that must be held completely. Returns false, and changes nothing, if there is no room. A
   * body of the least length always gets its memory, so that short bodies pass while long ones are refused.
   */
  reserve(holder: object, { size, now }: { readonly size: number; readonly now: number }): boolean {
    const more = size - (this.#buffers.get(holder)?.size ?? 0);
    const isTooMuch = this.#taken(now) + more > SEGMENT.all && this.#taken(now, true) + more > SEGMENT.held;
    if (size > SEGMENT.least && isTooMuch) return false;
    this.keep(holder, { size, now, isHeld: true });
    return true;
  }

  /** Notes that a holder still has its buffer. A slow sender can take hours for one segment. */
  keep(holder: object, { size, now, isHeld = false }: KeptBuffer): void {
    if (size > 0) this.#buffers.set(holder, { size, since: now, isHeld });
  }

  /** Forgets the buffer of a holder, so that other uploads can use its memory. */
  free(holder: object): void {
    this.#buffers.delete(holder);
  }

  #taken(now: number, onlyHeld = false): number {
    let taken = 0;
    for (const [holder, { size, since, isHeld }] of this.#buffers) {
      if (now - since > FORGOTTEN) this.#buffers.delete(holder);
      else if (isHeld || !onlyHeld) taken += size;
    }
    return taken;
  }
}

/** The memory of all uploads of this process. */
export const uploadMemory: SegmentMemory = /* @__PURE__ */ new SegmentMemory();
