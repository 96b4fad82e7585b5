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
  const { stream } = recording;
  return (
    <Fold title={t('record')} area="record" note={t('recordNote')}>
      {stream.value ? <Running recording={recording} stream={stream.value} /> : <Sources recording={recording} />}
      <Ended recording={recording} />
    </Fold>
  );
}

function Sources({ recording }: { readonly recording: Recording }) {
  const possible = SOURCES.filter(([source]) => canRecord(source));
  if (possible.length === 0) return <p class="empty">{t('recordUnsupported')}</p>;
  return (
    <p class="actions">
      {possible.map(([source, label]) => (
        <button key={source} type="button" onClick={() => void recording.start(source)}>
          {t('recordStart')}: {t(label)}
        </button>
      ))}
    </p>
  );
}

function Running({ recording, stream }: { readonly recording: Recording; readonly stream: MediaStream }) {
  const stop = useRef<HTMLButtonElement>(null);
  const lag = recording.lag.value;
  const stored = bytes(recording.transfer.value?.confirmed.value ?? 0);
  // The button that began the recording is gone, so the focus moves to the one that ends it.
  useEffect(() => stop.current?.focus(), []);
  return (
    <>
      {stream.getVideoTracks().length > 0 && <Preview stream={stream} />}
      <p>{t('recordBehind', { stored, seconds: duration(Math.round((lag?.seconds ?? 0) * 1000)) })}</p>
      <button type="button" ref={stop} onClick={() => recording.stop()}>
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
      {problem !== undefined && <p class="verdict failed">{refusal(problem)}</p>}
      {transfer?.state.value === 'stored' && (
        <p class="verdict stored">{t('recordDone', { size: bytes(transfer.confirmed.value), key: transfer.key })}</p>
      )}
    </div>
  );
}

function refusal(problem: unknown): string {
  return problem instanceof DOMException ? t('recordRefused', { reason: problem.message }) : reasonOf(problem);
}
