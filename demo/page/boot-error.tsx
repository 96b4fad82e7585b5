/** What the page shows when it cannot begin: why, and what to do. */
import { HostError } from './host.ts';
import { Header } from './parts/header.tsx';
import { t } from './text/text.ts';

export function BootError({ error }: { readonly error: unknown }) {
  const status = error instanceof HostError ? error.status : undefined;
  const reason = error instanceof Error ? error.message : String(error);
  return (
    <>
      <Header />
      <main class="single">
        <div class="card notice bad" role="alert">
          <h2>{t('bootFailed')}</h2>
          <p>{status === undefined ? t('bootNoAnswer') : t('bootBadAnswer', { reason })}</p>
          <p>{t('bootMend')}</p>
          <button type="button" onClick={() => location.reload()}>
            {t('tryAgain')}
          </button>
        </div>
      </main>
    </>
  );
}
