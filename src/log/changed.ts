/** The error of a reader that finds another object than the one whose beginning it has read. */

import { OssError, type OssErrorInit } from '../errors.ts';

/** Facts of an object that changed in another way than by growing. */
export interface ObjectChangedInit extends OssErrorInit {
  readonly code: 'ObjectDeleted' | 'ObjectShorter' | 'ObjectReplaced';
  readonly key: string;
  readonly position: number;
  readonly found?: number | undefined;
}

/**
 * The object that is followed is no longer the one whose beginning was read: it was deleted (`ObjectDeleted`), it has become
 * shorter (`ObjectShorter`), or it holds other bytes than those that were read (`ObjectReplaced`). The message says what was
 * expected and what was found.
 */
export class ObjectChangedError extends OssError {
  override readonly name: string = 'ObjectChangedError';
  readonly key: string;
  /** How far the object was read, bytes: it had this length at least. */
  readonly position: number;
  /** The object's length as it was found, bytes; `undefined` where there is no object, or where its length is not known. */
  readonly found: number | undefined;

  constructor(message: string, init: ObjectChangedInit) {
    super(message, init);
    this.key = init.key;
    this.position = init.position;
    this.found = init.found;
  }
}

/** What a reader expected of an object. */
interface Expected {
  readonly key: string;
  readonly position: number;
}

export function deleted({ key, position }: Expected): ObjectChangedError {
  return new ObjectChangedError(`Cannot follow "${key}": expected at least ${position} bytes, found no object`, {
    code: 'ObjectDeleted',
    key,
    position,
  });
}

export function shorter({ key, position }: Expected, found: number): ObjectChangedError {
  const what = `expected at least ${position} bytes, found ${found}: the object was replaced, or an answer came from a cache`;
  return new ObjectChangedError(`Cannot follow "${key}": ${what}`, { code: 'ObjectShorter', key, position, found });
}

export function replaced({ key, position }: Expected, what: string, found?: number): ObjectChangedError {
  return new ObjectChangedError(`Cannot follow "${key}" at byte ${position}: ${what}. The object was replaced`, {
    code: 'ObjectReplaced',
    key,
    position,
    found,
  });
}
