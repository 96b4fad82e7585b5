/** Asks for the files whose data the browser did not keep over a reload. */
import { exact, listOf } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { useKeptFocus } from '../uploader/focus.ts';
import type { Ghosts } from '../uploader/ghosts.ts';
import { PickButton } from './pick-button.tsx';

/** The notice names at most this many files. */
const NAMED = 3;

export function GhostNotice({ ghosts }: { readonly ghosts: Ghosts }) {
  return ghosts.list.value.length > 0 ? <Notice ghosts={ghosts} /> : null;
}

function Notice({ ghosts }: { readonly ghosts: Ghosts }) {
  const notice = useKeptFocus<HTMLDivElement>();
  const names = ghosts.list.value.map(({ name }) => `“${name}”`);
  const more = names.length > NAMED ? [t('ghostsMore', { count: exact(names.length - NAMED) })] : [];
  return (
    <div class="notice ghosts" role="status" ref={notice}>
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
