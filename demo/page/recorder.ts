/** Records a camera, a screen or a microphone into an object while it is recorded. */
import { type Signal, signal } from '@preact/signals';
import { AppendableObject } from '../../src/index.ts';
import { type RecordingLag, recordTo } from '../../src/log/index.ts';
import type { Session } from './session.ts';
import type { Transfer } from './transfer/transfer.ts';

export type Source = 'camera' | 'screen' | 'microphone';

/** `opening`: the browser asks the user for access. `storing`: the recording has ended, and its rest is appended. */
export type Phase = 'idle' | 'opening' | 'running' | 'storing';

export class Recording {
  readonly phase: Signal<Phase> = signal('idle');
  /** The stream while it is recorded, for the preview. */
  readonly stream: Signal<MediaStream | undefined> = signal(undefined);
  readonly lag: Signal<RecordingLag | undefined> = signal(undefined);
  readonly transfer: Signal<Transfer | undefined> = signal(undefined);
  /** Why the browser gave no access, or why the recording ended early. */
  readonly problem: Signal<unknown> = signal(undefined);
  readonly #session: Session;
  #stop: () => void = () => {};

  constructor(session: Session) {
    this.#session = session;
  }

  /** True while bytes come from a device, and until all of them are stored. */
  get isOn(): boolean {
    return this.phase.value === 'running' || this.phase.value === 'storing';
  }

  /**
   * Begins. Resolves when everything is stored. There is one recording at a time, so a second call does nothing: a
   * device that nobody can stop would stay on.
   */
  async start(source: Source): Promise<void> {
    if (this.phase.value !== 'idle') return;
    this.#forget();
    this.phase.value = 'opening';
    try {
      this.stream.value = await open(source);
      await this.#record(this.stream.value, source);
    } catch (error) {
      this.problem.value = error;
      this.transfer.value?.fail(error);
    } finally {
      this.#release();
      this.phase.value = 'idle';
    }
  }

  /** Switches the device off. */
  #release(): void {
    for (const track of this.stream.value?.getTracks() ?? []) track.stop();
    this.stream.value = undefined;
  }

  /** Forgets the earlier recording. */
  #forget(): void {
    this.problem.value = undefined;
    this.transfer.value = undefined;
    this.lag.value = undefined;
  }

  stop(): void {
    this.#stop();
  }

  async #record(stream: MediaStream, source: Source): Promise<void> {
    const mimeType = TYPES[source].find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
    this.#stop = () => recorder.stop();
    // The user can also end the recording in the browser's own bar.
    recorder.addEventListener('stop', () => {
      // A recording that failed is over before its recorder has stopped.
      if (this.stream.value !== stream) return;
      this.phase.value = 'storing';
      this.#release();
    });
    this.phase.value = 'running';
    const { transfer, object } = this.#begin(recorder, source);
    const { tail } = await recordTo(object, recorder, {
      timeslice: 500,
      onbehind: (lag) => {
        this.lag.value = lag;
        transfer.confirm(object.tail?.position ?? 0);
      },
    });
    transfer.succeed(tail);
  }

  #begin(recorder: MediaRecorder, source: Source): { transfer: Transfer; object: AppendableObject } {
    const ending = /mp4/.test(recorder.mimeType) ? 'mp4' : 'webm';
    const name = `${source}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.${ending}`;
    const key = this.#session.keys.choose({ name, size: null });
    const transfer = this.#session.begin({ id: key, name, key, size: undefined });
    transfer.state.value = 'running';
    this.transfer.value = transfer;
    const contentType = recorder.mimeType || undefined;
    return { transfer, object: new AppendableObject(this.#session.client(transfer), key, { contentType }) };
  }
}

/**
 * A recorder knows its media type only after its start, but the object needs the type with the first byte. So the page
 * chooses it.
 */
const TYPES: Readonly<Record<Source, readonly string[]>> = {
  camera: ['video/webm', 'video/mp4'],
  screen: ['video/webm', 'video/mp4'],
  microphone: ['audio/webm', 'audio/mp4', 'audio/ogg'],
};

function open(source: Source): Promise<MediaStream> {
  const { mediaDevices } = navigator;
  if (source === 'screen') return mediaDevices.getDisplayMedia({ video: true, audio: true });
  return mediaDevices.getUserMedia(source === 'camera' ? { video: true, audio: true } : { audio: true });
}

/** Returns whether this browser can record from a source. Without HTTPS, a browser allows recording only to a page of this machine. */
export function canRecord(source: Source): boolean {
  if (typeof MediaRecorder === 'undefined' || !navigator.mediaDevices) return false;
  return source !== 'screen' || 'getDisplayMedia' in navigator.mediaDevices;
}
