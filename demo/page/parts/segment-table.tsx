/** The last segments, with the CRC-64 that OSS computed for the object up to the end of each segment. */

import type { TextKey } from '../text/en.ts';
import { bytes, duration, exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { Segment } from '../transfer/story.ts';
import type { Transfer } from '../transfer/transfer.ts';
import { Scroller } from './scroller.tsx';

const SHOWN = 5;

const STATES: Readonly<Record<Segment['state'], TextKey>> = {
  stored: 'badgeStored',
  sent: 'badgeSent',
  lost: 'badgeLost',
  damaged: 'badgeDamaged',
  absent: 'badgeAbsent',
};

export function SegmentTable({ transfer }: { readonly transfer: Transfer }) {
  const { segments } = transfer.story.value;
  if (segments.length === 0) return null;
  const first = Math.max(0, segments.length - SHOWN);
  return (
    <Scroller label={t('segmentTable')}>
      <table class="segments">
        <caption class="hidden">{t('segmentTable')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('segmentNumber')}</th>
            <th scope="col">{t('segmentPosition')}</th>
            <th scope="col">{t('segmentLength')}</th>
            <th scope="col">{t('segmentTime')}</th>
            <th scope="col">{t('segmentState')}</th>
            <th scope="col">{t('segmentCrc')}</th>
          </tr>
        </thead>
        <tbody>
          {segments
            .slice(first)
            .map((segment, index) => row(segment, first + index + 1))
            .reverse()}
        </tbody>
      </table>
    </Scroller>
  );
}

function row({ position, size, state, roundTrip, crc }: Segment, number: number) {
  return (
    <tr key={number}>
      <td>{exact(number)}</td>
      <td>{exact(position)}</td>
      <td>{bytes(size)}</td>
      <td>{roundTrip === undefined ? '–' : duration(roundTrip)}</td>
      <td>
        <span class={`badge ${state}`}>{t(STATES[state])}</span>
      </td>
      <td>
        <code>{crc ?? '–'}</code>
      </td>
    </tr>
  );
}
