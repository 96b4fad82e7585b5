/** Records live: the object grows while the camera, the screen or the microphone is on. */
import { useEffect, useRef } from 'preact/hooks';
import { canRecord, type Recording, type Source } from '../recorder.ts';
import type { TextKey } from '../text/en.ts';
import { bytes, duration } from '../text/numbers.ts';
import { reasonOf } from '../text/sentences.ts';
import { t } from '../text/text.ts';
import { Fold } from './card.tsx';

const SOURCES: readonly (readonly [Source, TextKey])[] = [
  ['camera', 'recordCamera'],
  ['screen', 'recordScreen'],
  ['microphone', 'recordMicrophone'],
];

export function RecordCard({ recording }: { readonly recording: Recording }) {
  return (
    <Fold title={t('record')} area="record" note={t('recordNote')}>
      {recording.isOn ? <Running recording={recording} /> : <Sources recording={recording} />}
      <Ended recording={recording} />
    </Fold>
  );
}

function Sources({ recording }: { readonly recording: Recording }) {
  const buttons = useRef<HTMLParagraphElement>(null);
  const possible = SOURCES.filter(([source]) => canRecord(source));
  // The button that ended a recording is gone, so the focus moves to those that begin one.
  useEffect(() => {
    if (recording.transfer.peek() && document.activeElement === document.body)
      buttons.current?.querySelector('button')?.focus({ preventScroll: true });
  }, []);
  if (possible.length === 0) return <p class="empty">{t('recordUnsupported')}</p>;
  return (
    <p class="actions" ref={buttons}>
      {possible.map(([source, label]) => (
        <button key={source} type="button" onClick={() => void recording.start(source)}>
          {t('recordStart')}: {t(label)}
        </button>
      ))}
    </p>
  );
}

function Running({ recording }: { readonly recording: Recording }) {
  const stop = useRef<HTMLButtonElement>(null);
  const stream = recording.stream.value;
  const isStoring = recording.phase.value === 'storing';
  const stored = bytes(recording.transfer.value?.confirmed.value ?? 0);
  const seconds = duration(Math.round((recording.lag.value?.seconds ?? 0) * 1000));
  // The button that began the recording is gone, so the focus moves to the one that ends it.
  useEffect(() => stop.current?.focus(), []);
  return (
    <>
      {stream && stream.getVideoTracks().length > 0 && <Preview stream={stream} />}
      <p>{t(isStoring ? 'recordStoring' : 'recordBehind', { stored, seconds })}</p>
      <button type="button" ref={stop} aria-disabled={isStoring} onClick={() => recording.stop()}>
        {t('recordStop')}
      </button>
    </>
  );
}

function Preview({ stream }: { readonly stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (!video.current) return;
    video.current.srcObject = stream;
    // A browser may refuse to play. The recording does not need the preview.
    video.current.play().catch(() => {});
  }, [stream]);
  return <video ref={video} muted playsInline aria-label={t('recordPreview')} />;
}

function Ended({ recording }: { readonly recording: Recording }) {
  const transfer = recording.transfer.value;
  const problem = recording.problem.value;
  return (
    <div role="status">
      {problem !== undefined && (
        <p class="verdict failed">{t('recordFailed', { reason: reasonOf(problem, 'recording') })}</p>
      )}
      {transfer?.state.value === 'stored' && (
        <p class="verdict stored">{t('recordDone', { size: bytes(transfer.confirmed.value), key: transfer.key })}</p>
      )}
    </div>
  );
}
