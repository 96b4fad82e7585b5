/** Tells a screen reader the progress: politely, and only at each quarter, at the end and after a failure. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { percent } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { Uploader } from '../uploader/uploader.ts';
import { summary } from './total-bar.tsx';

export function Announcer({ uploader }: { readonly uploader: Uploader }) {
  const message = useSignal('');
  const { files, stored, failed, size, bytes } = uploader.totals.value;
  const quarter = size === 0 ? 0 : Math.floor((bytes / size) * 4);
  const isEnd = files > 0 && stored + failed === files;
  useEffect(() => {
    if (isEnd) message.value = failed > 0 ? summary(uploader.totals.value) : t('announceDone');
    else if (quarter > 0) message.value = t('announceProgress', { percent: percent(quarter / 4) });
  }, [quarter, isEnd, failed]);
  return (
    <div class="hidden" role="status" aria-live="polite">
      {message.value}
    </div>
  );
}
