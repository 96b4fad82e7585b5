/** What happened to the shown object, in plain sentences. The newest is at the top. */
import type { Session } from '../session.ts';
import { timeOfDay } from '../text/numbers.ts';
import { sentence, toneOf } from '../text/sentences.ts';
import { t } from '../text/text.ts';
import type { Event } from '../transfer/transfer.ts';
import { Card } from './card.tsx';
import { Scroller } from './scroller.tsx';

const SHOWN = 60;

export function EventList({ session }: { readonly session: Session }) {
  const events = session.shown.value?.events.value ?? [];
  const first = Math.max(0, events.length - SHOWN);
  return (
    <Card title={t('events')} area="events">
      {events.length === 0 ? (
        <p class="empty">{t('eventsNone')}</p>
      ) : (
        <Scroller label={`${t('events')}: ${session.shown.value?.key}`} class="short">
          <ol class="events" reversed>
            {events
              .slice(first)
              .map((event, index) => item(event, first + index))
              .reverse()}
          </ol>
        </Scroller>
      )}
    </Card>
  );
}

function item({ at, what }: Event, index: number) {
  return (
    <li key={index} class={toneOf(what)} data-kind={what.kind}>
      <time dateTime={new Date(at).toISOString()}>{timeOfDay(at)}</time> <span>{sentence(what)}</span>
    </li>
  );
}
