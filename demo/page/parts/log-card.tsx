/** The log that this page writes, as it is stored: each line is read back from the object. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { PageLog } from '../page-log.ts';
import { writesLog } from '../settings.ts';
import { exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { Listing } from './scroller.tsx';
import { Switch } from './switch.tsx';

export function LogCard({ log }: { readonly log: PageLog }) {
  const isOpen = useSignal(false);
  useEffect(() => {
    if (!isOpen.value) return;
    const stop = new AbortController();
    log.lines.value = [];
    void log.read(stop.signal);
    return () => stop.abort();
  }, [isOpen.value]);
  return (
    <details class="card fold area-log" onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>
        <h2>{t('log')}</h2>
      </summary>
      <p class="note">{t('logNote')}</p>
      <Switch
        label={t('logSwitch')}
        says={t('logKey', { key: log.key })}
        isOn={writesLog.value}
        onToggle={(isOn) => (writesLog.value = isOn)}
      />
      {log.problem.value && <p class="verdict failed">{log.problem.value}</p>}
      {log.dropped.value > 0 && <p>{t('logDropped', { count: exact(log.dropped.value) })}</p>}
      {log.lines.value.length === 0 ? (
        <p class="empty">{t('logEmpty')}</p>
      ) : (
        <Listing label={t('log')} text={[...log.lines.value].reverse().join('\n')} isShort />
      )}
    </details>
  );
}
