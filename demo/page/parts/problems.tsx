/** The files that failed: why, and the step that helps. */
import type { Session } from '../session.ts';
import { needsNewObject, reasonOf } from '../text/sentences.ts';
import { t } from '../text/text.ts';
import type { Transfer } from '../transfer/transfer.ts';
import type { Uploader } from '../uploader/uploader.ts';

/** More problems than these have the same cause. */
const SHOWN = 5;

interface ProblemsProps {
  readonly session: Session;
  readonly uploader: Uploader;
}

export function Problems({ session, uploader }: ProblemsProps) {
  const failed = session.failed.value;
  if (failed.length === 0) return null;
  return (
    <div class="notice bad" role="alert">
      <h3>{t('problems')}</h3>
      <ul>
        {failed.slice(0, SHOWN).map((transfer) => (
          <Problem key={transfer.id} {...{ transfer, session, uploader }} />
        ))}
      </ul>
    </div>
  );
}

function Problem({ transfer, session, uploader }: ProblemsProps & { readonly transfer: Transfer }) {
  const { id, name, size } = transfer;
  const error = transfer.error.value;
  return (
    <li>
      <p>
        <strong>{name}</strong>: {reasonOf(error)}
      </p>
      {size !== undefined && (
        <p class="actions">
          <button type="button" onClick={() => uploader.retry(id)}>
            {t(needsNewObject(error) ? 'retryAsNew' : 'retry')}
          </button>
          <button type="button" class="quiet" onClick={() => (session.chosen.value = id)}>
            {t('showObject')}
          </button>
        </p>
      )}
    </li>
  );
}
