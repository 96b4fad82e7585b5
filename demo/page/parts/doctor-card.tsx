/** The doctor as a button: why requests from this page fail, and how to solve the problem. */
import { useSignal, useSignalEffect } from '@preact/signals';
import { type Diagnosis, diagnose, type Finding } from '../../../src/doctor/index.ts';
import { OssClient } from '../../../src/index.ts';
import type { FaultName } from '../../host/contract.ts';
import { tokenOptions } from '../client/clients.ts';
import type { Faults } from '../faults.ts';
import type { Session } from '../session.ts';
import { language, signing } from '../settings.ts';
import { saysIn } from '../text/findings.ts';
import { listOf } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { LABELS } from './break-it.tsx';
import { Fold } from './card.tsx';
import { Listing } from './scroller.tsx';

interface DoctorCardProps {
  readonly session: Session;
  readonly faults: Faults;
}

export function DoctorCard({ session, faults }: DoctorCardProps) {
  const isRunning = useSignal(false);
  const diagnosis = useSignal<Diagnosis | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const active = useSignal<ReadonlySet<FaultName>>(new Set());
  const examine = async () => {
    if (isRunning.peek()) return;
    isRunning.value = true;
    const before = faults.active.peek();
    diagnosis.value = problem.value = undefined;
    try {
      // The doctor's requests are not counted, and the faults of this tab happen to them as to all others.
      const client = new OssClient(tokenOptions(session.host, { signing: signing.value }));
      diagnosis.value = await diagnose(client, `${session.scope}doctor.txt`);
    } catch (error) {
      problem.value = error instanceof Error ? error.message : String(error);
    }
    active.value = new Set([...before, ...faults.active.peek()]);
    isRunning.value = false;
  };
  // What the doctor found is not true any more as soon as a fault is switched on or off.
  useSignalEffect(() => {
    if (faults.active.value) diagnosis.value = undefined;
  });
  const names = { faults: listOf([...active.value].map((name) => t(LABELS[name][0]))) };
  const hasFaults = active.value.size > 0;
  return (
    <Fold title={t('doctor')} area="doctor" note={t('doctorNote')}>
      {/* A button that is really disabled would lose the focus. */}
      <button type="button" aria-disabled={isRunning.value} onClick={examine}>
        {t(isRunning.value ? 'doctorRunning' : 'doctorRun')}
      </button>
      <div role="status">
        {diagnosis.value && !diagnosis.value.ok && hasFaults && <p class="note">{t('doctorFaults', names)}</p>}
        {diagnosis.value?.ok && (
          <p class={`verdict ${hasFaults ? 'unsure' : 'stored'}`}>
            {t(hasFaults ? 'doctorOkFaults' : 'doctorOk', names)}
          </p>
        )}
        {diagnosis.value?.findings.map((finding) => (
          <FindingNotice key={finding.code} finding={finding} />
        ))}
        {problem.value && <p class="verdict failed">{t('doctorFailed', { reason: problem.value })}</p>}
      </div>
    </Fold>
  );
}

function FindingNotice({ finding }: { readonly finding: Finding }) {
  const { says, mend } = saysIn(language.value, finding);
  return (
    <div class="notice bad">
      <p>
        <strong>{says}</strong>
      </p>
      <p>{mend}</p>
      {finding.rule && (
        <details>
          <summary>{t('doctorRule')}</summary>
          <Listing label={t('doctorRule')} text={finding.rule.xml} />
        </details>
      )}
    </div>
  );
}
