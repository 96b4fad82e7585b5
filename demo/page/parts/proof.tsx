/** The proof that the object is equal to the file: length and CRC-64 of both, computed apart from the upload. */
import { useEffect } from 'preact/hooks';
import type { Session } from '../session.ts';
import { exact } from '../text/numbers.ts';
import { reasonOf } from '../text/sentences.ts';
import { t } from '../text/text.ts';
import { areEqual, type Content, contentOf, contentOfObject, type Verdict } from '../transfer/proof.ts';
import type { Transfer } from '../transfer/transfer.ts';
import { Scroller } from './scroller.tsx';

interface ProofProps {
  readonly session: Session;
  readonly transfer: Transfer;
  readonly blobOf: (id: string) => Blob | undefined;
}

export function Proof({ session, transfer, blobOf }: ProofProps) {
  const { verdict } = transfer;
  const isStored = transfer.state.value === 'stored';
  const blob = blobOf(transfer.id);
  const compare = async () => {
    if (!blob || verdict.peek() === 'running') return;
    verdict.value = 'running';
    verdict.value = await compared(blob, transfer, session);
  };
  useEffect(() => {
    if (isStored && verdict.peek() === undefined) void compare();
  }, [isStored]);
  const waiting = isStored && !blob ? 'proofNoFile' : 'proofWait';
  return (
    <div class="proof">
      <h3>{t('proof')}</h3>
      {verdict.value === undefined ? <p class="note">{t(waiting)}</p> : <Result verdict={verdict.value} />}
      {isStored && blob && (
        <button type="button" class="quiet" onClick={compare}>
          {t('proofAgain')}
        </button>
      )}
    </div>
  );
}

async function compared(blob: Blob, transfer: Transfer, session: Session): Promise<Verdict> {
  try {
    const [file, object] = await Promise.all([contentOf(blob), contentOfObject(session.client(), transfer.key)]);
    if (areEqual(file, object)) transfer.note({ kind: 'proven', crc: file.crc ?? '' });
    return { file, object };
  } catch (reason) {
    return { reason };
  }
}

function Result({ verdict }: { readonly verdict: Verdict }) {
  if (verdict === 'running') return <p class="note">{t('proofRunning')}</p>;
  if ('reason' in verdict)
    return <p class="verdict failed">{t('proofFailed', { reason: reasonOf(verdict.reason) })}</p>;
  const { file, object } = verdict;
  const isEqual = areEqual(file, object);
  return (
    <>
      <p class={`verdict ${isEqual ? 'stored' : 'failed'}`}>{t(isEqual ? 'proofEqual' : 'proofDifferent')}</p>
      <Scroller label={t('proof')}>
        <table>
          <thead>
            <tr>
              <td />
              <th scope="col">{t('proofLength')}</th>
              <th scope="col">CRC-64</th>
            </tr>
          </thead>
          <tbody>
            {row(t('proofFile'), file)}
            {row(t('proofObject'), object)}
          </tbody>
        </table>
      </Scroller>
    </>
  );
}

function row(name: string, { length, crc = '–' }: Content) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{exact(length)}</td>
      <td>
        <code>{crc}</code>
      </td>
    </tr>
  );
}
