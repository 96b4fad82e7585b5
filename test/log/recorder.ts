/** A recorder that gives what the test says, in the order of events that the standard asks of a MediaRecorder. */
import type { Recorder } from '../../src/log/record.ts';

export class TestRecorder extends EventTarget implements Recorder {
  state: RecordingState = 'inactive';
  readonly mimeType: string;
  readonly calls: string[] = [];

  constructor(mimeType = 'video/webm;codecs=vp8') {
    super();
    this.mimeType = mimeType;
  }

  start(timeslice?: number): void {
    this.#become('recording', `start ${timeslice}`);
  }

  pause(): void {
    this.#become('paused', 'pause');
  }

  resume(): void {
    this.#become('recording', 'resume');
    this.dispatchEvent(new Event('resume'));
  }

  /** What was gathered and `last` come before the event `stop`. */
  stop(last = ''): void {
    this.#become('inactive', 'stop');
    this.#end(last);
  }

  give(data: string | Uint8Array<ArrayBuffer>): void {
    this.dispatchEvent(Object.assign(new Event('dataavailable'), { data: new Blob([data]) }));
  }

  /** A recorder that fails is inactive before it says so, and then gives what it has gathered. */
  fail(error: unknown): void {
    this.state = 'inactive';
    this.dispatchEvent(Object.assign(new Event('error'), { error }));
    this.#end('last');
  }

  #end(last: string): void {
    this.give(last);
    this.dispatchEvent(new Event('stop'));
  }

  #become(state: RecordingState, call: string): void {
    this.state = state;
    this.calls.push(call);
  }
}
