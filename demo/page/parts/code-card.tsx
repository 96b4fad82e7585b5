/** Shows the code for what the user just did, with the current settings. */
import { useSignal } from '@preact/signals';
import { codeFor } from '../code.ts';
import type { Session } from '../session.ts';
import { keepsType, segmentSize } from '../settings.ts';
import { t } from '../text/text.ts';
import { Fold } from './card.tsx';
import { Listing } from './scroller.tsx';

export function CodeCard({ session }: { readonly session: Session }) {
  const copied = useSignal<'copy' | 'copied' | 'notCopied'>('copy');
  const code = codeFor({
    route: session.route,
    place: session.host,
    segmentSize: segmentSize.value,
    keepsType: keepsType.value,
    prefix: session.scope,
    kind: session.shown.value && session.shown.value.size === undefined ? 'recording' : 'files',
  });
  const copy = async () => {
    const copying = navigator.clipboard.writeText(code);
    copied.value = await copying.then(
      () => 'copied',
      () => 'notCopied',
    );
    setTimeout(() => (copied.value = 'copy'), 2000);
  };
  return (
    <Fold title={t('code')} area="code" note={t('codeNote')}>
      <Listing label={t('code')} text={code} />
      <button type="button" class="quiet" onClick={copy}>
        {t(copied.value)}
      </button>
    </Fold>
  );
}
