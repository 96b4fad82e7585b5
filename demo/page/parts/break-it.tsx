/** The panel that breaks the network and OSS while a file is on its way. */
import { FAULT_NAMES, type FaultName, LATE, SLOW_RATE } from '../../host/contract.ts';
import { isOffline } from '../client/offline.ts';
import type { Faults } from '../faults.ts';
import type { Session } from '../session.ts';
import { way } from '../settings.ts';
import type { TextKey } from '../text/en.ts';
import { duration, exact, rate } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { Card } from './card.tsx';
import { Switch } from './switch.tsx';

/** The name and the explanation of each fault. */
export const LABELS: Readonly<Record<FaultName, readonly [label: TextKey, says: TextKey]>> = {
  'lose-answers': ['faultLoseAnswers', 'faultLoseAnswersSays'],
  'drop-connections': ['faultDropConnections', 'faultDropConnectionsSays'],
  'answer-late': ['faultAnswerLate', 'faultAnswerLateSays'],
  'expire-token': ['faultExpireToken', 'faultExpireTokenSays'],
  'skew-clock': ['faultSkewClock', 'faultSkewClockSays'],
  'flip-bit': ['faultFlipBit', 'faultFlipBitSays'],
  throttle: ['faultThrottle', 'faultThrottleSays'],
  slow: ['faultSlow', 'faultSlowSays'],
  portal: ['faultPortal', 'faultPortalSays'],
};

/** These faults need a page that signs its requests with a token. */
const NEED_TOKEN: readonly FaultName[] = ['expire-token', 'skew-clock'];

interface BreakItProps {
  readonly session: Session;
  readonly faults: Faults;
}

export function BreakIt({ session, faults }: BreakItProps) {
  const { canBreak } = session.host;
  return (
    <Card title={t('breakIt')} area="break" note={t(canBreak ? 'breakItNote' : 'breakItReal')}>
      <div class="switch-list">
        <Switch
          label={t('faultOffline')}
          says={t('faultOfflineSays')}
          isOn={isOffline.value}
          onToggle={(isOn) => goOffline(session, isOn)}
        />
        {canBreak && FAULT_NAMES.map((name) => <FaultSwitch key={name} name={name} faults={faults} />)}
      </div>
      {canBreak && <RivalButton session={session} faults={faults} />}
      {faults.problem.value && (
        <p class="verdict failed" role="alert">
          {t('breakItFailed', { reason: faults.problem.value })}
        </p>
      )}
    </Card>
  );
}

function goOffline(session: Session, isOn: boolean): void {
  isOffline.value = isOn;
  session.shown.value?.note({ kind: isOn ? 'offline' : 'online' });
}

function FaultSwitch({ name, faults }: { readonly name: FaultName; readonly faults: Faults }) {
  const [label, says] = LABELS[name];
  const count = faults.stats.value?.faults[name];
  const needsToken = NEED_TOKEN.includes(name) && way.value !== 'token';
  return (
    <Switch
      label={t(label)}
      says={needsToken ? t('breakItNeedsToken') : t(says, { seconds: duration(LATE), rate: rate(SLOW_RATE) })}
      count={count ? t('breakItHappened', { count: exact(count) }) : undefined}
      isOn={faults.active.value.has(name)}
      isLocked={needsToken}
      onToggle={(isOn) => void faults.toggle(name, isOn)}
    />
  );
}

function RivalButton({ session, faults }: BreakItProps) {
  return (
    <div class="rival">
      <button type="button" class="quiet" disabled={!session.shown.value} onClick={() => void faults.rival()}>
        {t('faultRival')}
      </button>
      <small>{t(session.shown.value ? 'faultRivalSays' : 'rivalNone')}</small>
    </div>
  );
}
