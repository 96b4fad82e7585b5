/** The files that failed: why, and the step that helps. */
import type { Session } from '../session.ts';
import { exact } from '../text/numbers.ts';
import { needsNewFile, needsNewObject, reasonOf } from '../text/sentences.ts';
import { t } from '../text/text.ts';
import type { Transfer } from '../transfer/transfer.ts';
import { useKeptFocus } from '../uploader/focus.ts';
import type { Uploader } from '../uploader/uploader.ts';
import { PickButton } from './pick-button.tsx';

/** More problems than these have the same cause, and would push the list of files out of the window. */
const SHOWN = 3;

interface ProblemsProps {
  readonly session: Session;
  readonly uploader: Uploader;
}

export function Problems({ session, uploader }: ProblemsProps) {
  // The card of the recordings tells why a recording failed. It has no file that could be tried again.
  const failed = session.failed.value.filter(({ size }) => size !== undefined);
  if (failed.length === 0) return null;
  return (
    <div class="notice bad" role="alert">
      <h3>{t('problems')}</h3>
      <ul>
        {failed.slice(0, SHOWN).map((transfer) => (
          <Problem key={transfer.id} {...{ transfer, session, uploader }} />
        ))}
      </ul>
      {failed.length > SHOWN && <p>{t('problemsMore', { count: exact(failed.length - SHOWN) })}</p>}
    </div>
  );
}

function Problem({ transfer, session, uploader }: ProblemsProps & { readonly transfer: Transfer }) {
  const { id, name } = transfer;
  const error = transfer.error.value;
  const item = useKeptFocus<HTMLLIElement>();
  return (
    <li ref={item}>
      <p>
        <strong>{name}</strong>: {reasonOf(error)}
      </p>
      <p class="actions">
        {needsNewFile(error) ? (
          <PickButton onPick={(files) => uploader.replace(id, files)} />
        ) : (
          <button type="button" onClick={() => uploader.retry(id)}>
            {t(needsNewObject(error) ? 'retryAsNew' : 'retry')}
          </button>
        )}
        <button type="button" class="quiet" onClick={() => (session.chosen.value = id)}>
          {t('showObject')}
        </button>
      </p>
    </li>
  );
}
