/** What this library shows of one object: its ruler, its last segments with their CRC-64, and the proof at the end. */
import type { Session } from '../session.ts';
import type { TextKey } from '../text/en.ts';
import { bytes, duration, exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { State, Transfer } from '../transfer/transfer.ts';
import { Card } from './card.tsx';
import { Proof } from './proof.tsx';
import { Ruler } from './ruler.tsx';
import { SegmentTable } from './segment-table.tsx';

interface ObjectCardProps {
  readonly session: Session;
  readonly blobOf: (id: string) => Blob | undefined;
}

export function ObjectCard({ session, blobOf }: ObjectCardProps) {
  const transfer = session.shown.value;
  return (
    <Card title={t('object')} area="object">
      {transfer ? (
        <>
          <ObjectSelect session={session} />
          <Facts transfer={transfer} />
          <Ruler transfer={transfer} />
          <SegmentTable transfer={transfer} />
          {canBeProven(transfer) && (
            <Proof key={transfer.id + transfer.key} session={session} transfer={transfer} blobOf={blobOf} />
          )}
          <p>
            <a href={`#follow=${encodeURIComponent(transfer.key)}`} target="_blank" rel="noopener">
              {t('followLink')}
            </a>
          </p>
        </>
      ) : (
        <p class="empty">{t('objectNone')}</p>
      )}
    </Card>
  );
}

/**
 * A recording has no file to compare with, and after an upload that ended early the object is only a part of the file.
 */
function canBeProven({ size, state: { value } }: Transfer): boolean {
  return size !== undefined && value !== 'failed' && value !== 'cancelled';
}

/** The list offers at most this many objects, because nobody can use a list of a thousand. */
const MOST = 30;

function ObjectSelect({ session: { chosen, transfers } }: { readonly session: Session }) {
  const newest = [...transfers.value.values()].reverse().slice(0, MOST);
  return (
    <label class="field">
      <span>{t('objectChoose')}</span>
      <select
        value={chosen.value ?? ''}
        onChange={({ currentTarget }) => (chosen.value = currentTarget.value || undefined)}
      >
        <option value="">{t('objectNewest')}</option>
        {newest.map(({ id, key }) => (
          <option key={id} value={id}>
            {key}
          </option>
        ))}
      </select>
    </label>
  );
}

const STATES: Readonly<Record<State, TextKey>> = {
  waiting: 'stateWaiting',
  running: 'stateRunning',
  paused: 'statePaused',
  stored: 'stateStored',
  failed: 'stateFailed',
  cancelled: 'stateCancelled',
};

function Facts({ transfer }: { readonly transfer: Transfer }) {
  const { segments, retries } = transfer.story.value;
  const state = transfer.state.value;
  const size = transfer.size === undefined ? '' : ` / ${bytes(transfer.size)}`;
  const last = segments.findLast((one) => one.state === 'stored');
  return (
    <>
      <p class="key">
        <span class={`badge ${state}`}>{t(STATES[state])}</span> <code>{transfer.key}</code>
      </p>
      <dl class="facts">
        <Fact name={t('confirmedBytes')} value={`${bytes(transfer.confirmed.value)}${size}`} />
        {transfer.way === 'pipe' && (
          <Fact name={t('sentBytes')} value={bytes(transfer.confirmed.value + transfer.inFlight.value)} />
        )}
        <Fact name={t('segmentCount')} value={exact(segments.length)} />
        <Fact name={t('retryCount')} value={exact(retries)} />
        <Fact name={t('segmentLast')} value={last ? bytes(last.size) : '–'} />
        <Fact name={t('segmentTime')} value={last?.roundTrip === undefined ? '–' : duration(last.roundTrip)} />
      </dl>
    </>
  );
}

export function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
