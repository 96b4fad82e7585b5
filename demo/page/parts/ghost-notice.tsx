/** Asks for the files whose data the browser did not keep over a reload. */
import { exact, listOf } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { Ghosts } from '../uploader/ghosts.ts';
import { PickButton } from './pick-button.tsx';

/** The notice names at most this many files. */
const NAMED = 3;

export function GhostNotice({ ghosts }: { readonly ghosts: Ghosts }) {
  const names = ghosts.list.value.map(({ name }) => `“${name}”`);
  if (names.length === 0) return null;
  const more = names.length > NAMED ? [t('ghostsMore', { count: exact(names.length - NAMED) })] : [];
  return (
    <div class="notice ghosts" role="status">
      <p>{t(names.length === 1 ? 'ghostOne' : 'ghosts', { names: listOf([...names.slice(0, NAMED), ...more]) })}</p>
      <p class="actions">
        <PickButton isMultiple onPick={(files) => ghosts.pick(files)} />
        <button type="button" class="quiet" onClick={() => ghosts.remove()}>
          {t('ghostsRemove')}
        </button>
      </p>
    </div>
  );
}
