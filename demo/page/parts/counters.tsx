/** How many requests the page and OSS have counted. Only OSS sees the preflights, because the browser sends them itself. */
import type { Faults } from '../faults.ts';
import type { Session } from '../session.ts';
import { exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { Card } from './card.tsx';
import { Fact } from './object-card.tsx';

interface CountersProps {
  readonly session: Session;
  readonly faults: Faults;
}

export function Counters({ session, faults }: CountersProps) {
  const { requests, failures } = session.figures;
  const stats = faults.stats.value;
  return (
    <Card title={t('counters')} area="counters">
      <dl class="facts" data-testid="counters">
        <Fact name={t('counterRequests')} value={exact(requests.value)} />
        <Fact name={t('counterRetries')} value={exact(failures.value)} />
        {stats && (
          <>
            <Fact name={t('counterReceived')} value={exact(stats.requests)} />
            <Fact name={t('counterAppends')} value={exact(stats.appends)} />
            <Fact name={t('counterPreflights')} value={exact(stats.preflights)} />
          </>
        )}
      </dl>
      <p class="note">{t('countersNote')}</p>
      {stats && <p class="note">{t('countersSince')}</p>}
      {!session.host.canBreak && <p class="note">{t('countersReal')}</p>}
    </Card>
  );
}
