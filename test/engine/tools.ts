/** What the tests of the engine share: faults by position, sources of text, and streams. */
import { crc64 } from '../../src/crc64.ts';
import type { Fault, FaultRequest } from '../../src/testing/faults.ts';
import { memoryBlob } from './exactly-once/sources.ts';

export const boom = (): never => {
  throw new Error('boom');
};

export const utf8 = (text: string) => new TextEncoder().encode(text);

export const crcOf = (text: string) => String(crc64(utf8(text)));

export const blob = (text: string) => memoryBlob(utf8(text));

/** Faults of the first append, unless another operation or number is given. */
export const at = (fault: Fault, operation: FaultRequest['operation'] = 'AppendObject', nth = 1) => ({
  ...fault,
  operation,
  nth,
});

export const HIDE_CRC: Fault = { kind: 'hide-headers', names: ['x-oss-hash-crc64ecma'] };

export const hidden =
  (more: (request: FaultRequest) => Fault[] = () => []) =>
  (request: FaultRequest) => [...more(request), HIDE_CRC];

/** The network as a schedule of faults that a test can end. */
export class Weather {
  #faults: (request: FaultRequest) => Fault | undefined = () => undefined;

  readonly faults = (request: FaultRequest): Fault | undefined => this.#faults(request);

  set(faults: (request: FaultRequest) => Fault | undefined): void {
    this.#faults = faults;
  }

  clear(): void {
    this.#faults = () => undefined;
  }
}
