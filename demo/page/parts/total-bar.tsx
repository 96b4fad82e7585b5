/** The total of all files, which stays visible at the bottom of the window while something is in flight. */
import type { Progress } from '../progress.ts';
import type { TextKey } from '../text/en.ts';
import { bytes, duration, exact, percent, rate } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { Trouble } from '../trouble.ts';
import { useKeptFocus } from '../uploader/focus.ts';
import type { Totals } from '../uploader/totals.ts';
import type { Uploader } from '../uploader/uploader.ts';

interface TotalBarProps {
  readonly uploader: Uploader;
  readonly progress: Progress;
}

const TROUBLES: Readonly<Record<Trouble, TextKey>> = {
  offline: 'troubleOffline',
  oss: 'troubleOss',
  server: 'troubleServer',
  worker: 'troubleWorker',
  restarted: 'troubleRestarted',
};

/** Recordings have no total, so without files the bar tells only what is wrong. */
export function TotalBar({ uploader, progress }: TotalBarProps) {
  const totals = uploader.totals.value;
  const trouble = progress.watch.trouble.value;
  if (totals.files === 0 && !trouble) return null;
  return (
    <aside class={`total ${trouble ? 'troubled' : kindOf(totals)}`} aria-label={t('total')}>
      {totals.files > 0 && (
        <>
          <progress value={shareOf(totals)} aria-label={t('total')} />
          <p>
            <strong>{summary(totals)}</strong>
            {!trouble && <Speed progress={progress} />}
          </p>
        </>
      )}
      {trouble && (
        <p class="trouble" role="alert">
          {t(TROUBLES[trouble])}
        </p>
      )}
      <div class="actions">
        <Buttons totals={totals} uploader={uploader} trouble={trouble} />
      </div>
    </aside>
  );
}

function Speed({ progress }: { readonly progress: Progress }) {
  const { value } = progress.rate;
  const left = progress.left.value;
  return (
    <span class="speed">
      {value !== undefined && rate(value)}
      {left !== undefined && ` · ${t('totalLeft', { time: duration(Math.ceil(left) * 1000) })}`}
    </span>
  );
}

interface ButtonsProps {
  readonly totals: Totals;
  readonly uploader: Uploader;
  readonly trouble: Trouble | undefined;
}

function Buttons({ totals, uploader, trouble }: ButtonsProps) {
  const { uppy } = uploader;
  // There is one place for a button, so that the focus stays when its text changes.
  if (trouble === 'restarted' || trouble === 'worker')
    return <Button label="reload" onClick={() => location.reload()} />;
  if (totals.inFlight > 0) return <Button label="pauseAll" onClick={() => uppy.pauseAll()} />;
  if (totals.paused > 0) return <Button label="resumeAll" onClick={() => uppy.resumeAll()} />;
  if (totals.failed === 0) return null;
  return <Button label={uploader.hasNew ? 'uploadAll' : 'retryAll'} onClick={() => uploader.retryAll()} />;
}

function Button({ label, onClick }: { readonly label: TextKey; readonly onClick: () => void }) {
  const element = useKeptFocus<HTMLButtonElement>();
  return (
    <button type="button" class="quiet" ref={element} onClick={onClick}>
      {t(label)}
    </button>
  );
}

function kindOf({ inFlight, paused, failed }: Totals): string {
  if (failed > 0) return 'failed';
  if (paused > 0) return 'paused';
  return inFlight > 0 ? 'running' : 'stored';
}

/** Returns the share that is stored, from 0 to 1. It is 1 only if each file is stored, also each empty one. */
function shareOf({ files, stored, bytes: done, size }: Totals): number {
  if (stored === files) return 1;
  return Math.min(size === 0 ? stored / files : done / size, 0.99);
}

/**
 * Returns the state of all files in one sentence. A failed file keeps the total below 100 %, so that the user notices
 * the failure.
 */
export function summary(totals: Totals): string {
  const { files, stored, failed, paused, inFlight, size } = totals;
  const values = {
    files: exact(files),
    stored: exact(stored),
    failed: exact(failed),
    percent: percent(shareOf(totals)),
    size: bytes(size),
  };
  if (inFlight > 0) return t('totalRunning', values);
  if (failed > 0) return t('totalFailed', values);
  return t(paused > 0 ? 'totalPaused' : 'totalDone', values);
}
