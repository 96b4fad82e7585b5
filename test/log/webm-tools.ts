/** Makes small WebM files, with the elements that browsers write. */

type Bytes = Uint8Array<ArrayBuffer>;

export function webm(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

/** An element with a size of two bytes, or with the size that stands for an unknown one. */
export function element(id: string, content: Uint8Array, unknown = false): Bytes {
  const size = unknown ? '01ffffffffffffff' : (0x4000 + content.byteLength).toString(16);
  return webm(Buffer.from(id + size, 'hex'), content);
}

/** The EBML header, a Segment of unknown size, and what describes the tracks. */
export const HEADER: Bytes = webm(
  element('1a45dfa3', Buffer.from('42868101', 'hex')),
  element('18538067', new Uint8Array(0), true),
  element('1654ae6b', new Uint8Array(30).fill(7)),
);

/** A block of this many bytes. By default it belongs to the first track. */
export function simpleBlock(seconds: number, size: number, { track = 1, isKey = true } = {}): Bytes {
  const content = new Uint8Array(size).fill(Math.round(seconds * 2));
  content.set([0x80 | track, 0, 0, isKey ? 0x80 : 0]);
  return element('a3', content);
}

/** A cluster as Chromium writes it, of unknown size, or as Firefox does, of a known one. */
export function cluster(seconds: number, blocks: readonly Uint8Array[], unknown = true): Bytes {
  return element('1f43b675', webm(element('e7', Uint8Array.of(seconds)), ...blocks), unknown);
}
