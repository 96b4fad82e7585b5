/** The error of a reader that finds another object than the one that it has begun to read. */

import { OssError, type OssErrorInit } from '../errors.ts';

/** The facts of an object that changed in another way than by growing. */
export interface ObjectChangedInit extends OssErrorInit {
  readonly code: 'ObjectDeleted' | 'ObjectShorter' | 'ObjectReplaced';
  readonly key: string;
  readonly position: number;
  readonly found?: number | undefined;
}

/**
 * The object is no longer the one that was followed: it was deleted (`ObjectDeleted`), it has become shorter
 * (`ObjectShorter`), or it holds other bytes than those that were read (`ObjectReplaced`). The message says what was
 * expected and what was found.
 */
export class ObjectChangedError extends OssError {
  override readonly name: string = 'ObjectChangedError';
  readonly key: string;
  /** How many bytes of the object were read. It had at least this length. */
  readonly position: number;
  /** The length that was found, bytes. It is `undefined` if there is no object, or if its length is not known. */
  readonly found: number | undefined;

  constructor(message: string, init: ObjectChangedInit) {
    super(message, init);
    this.key = init.key;
    this.position = init.position;
    this.found = init.found;
  }
}

/** The state that a reader expected. */
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
