/** Lays out the segments of an object on a ruler. Narrow segments become one block, because many thin lines make a moiré. */
import type { Segment } from './story.ts';

/** A block of the ruler. `x` and `width` are in the units of the ruler. */
export interface Block {
  readonly x: number;
  readonly width: number;
  readonly state: 'earlier' | Exclude<Segment['state'], 'absent'>;
  /** The number of segments in this block. */
  readonly count: number;
}

type Drawn = Pick<Segment, 'position' | 'size'> & Pick<Block, 'state'>;

export interface RulerOptions {
  /** The length of the object before this transfer, bytes. */
  readonly base: number;
  /** The length that the whole ruler stands for, bytes. */
  readonly total: number;
  /** The width of the ruler. */
  readonly width: number;
}

/** A segment that is narrower is drawn together with its neighbours. */
const NARROWEST = 6;
/** The gap between two blocks. */
const GAP = 1;
/** A request in flight is always visible. */
const VISIBLE = 3;

export function layOut(segments: readonly Segment[], { base, total, width }: RulerOptions): Block[] {
  const scale = width / Math.max(total, 1);
  const blocks: Block[] = base > 0 ? [{ x: 0, width: base * scale, state: 'earlier', count: 1 }] : [];
  for (const { position, size, state } of segments) {
    if (state === 'absent') continue;
    const block = blockOf({ position, size, state }, scale, width);
    const last = blocks.at(-1);
    if (last && isOneWith(last, block)) blocks[blocks.length - 1] = joined(last, block);
    else blocks.push(block);
  }
  return blocks.map((block) => ({ ...block, width: Math.max(block.width - GAP, Math.min(VISIBLE, block.width)) }));
}

function blockOf({ position, size, state }: Drawn, scale: number, width: number): Block {
  const wide = Math.max(size * scale, state === 'stored' ? 0 : VISIBLE);
  return { x: Math.min(position * scale, width - wide), width: wide, state, count: 1 };
}

function isOneWith(last: Block, block: Block): boolean {
  return last.state === block.state && block.state === 'stored' && (block.width < NARROWEST || isNarrow(last));
}

/** True if a block is, on the average of its segments, too narrow to be drawn apart. */
function isNarrow({ width, count }: Block): boolean {
  return width / count < NARROWEST;
}

function joined(last: Block, block: Block): Block {
  return { ...last, width: block.x + block.width - last.x, count: last.count + block.count };
}

/** A mark of the scale. */
export interface Mark {
  readonly x: number;
  readonly bytes: number;
}

/** The width of the text beside a mark. */
const TEXT = 56;

/**
 * Returns marks at round numbers of bytes (1, 2, 4, 8 … of 1,024 and its powers), at most one for each `room`. A mark
 * whose text would end outside of the ruler is left out.
 */
export function marksOf(total: number, width: number, room = 90): Mark[] {
  const most = Math.max(1, Math.floor(width / room));
  let step = 1024;
  while (total / step > most) step *= 2;
  const marks: Mark[] = [];
  for (let bytes = 0; bytes < total; bytes += step) marks.push({ x: (bytes * width) / total, bytes });
  return marks.filter(({ x }) => x === 0 || x <= width - TEXT);
}
