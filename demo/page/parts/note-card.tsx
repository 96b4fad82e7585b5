/** A text that the user types becomes a file of the list. */
import { useSignal } from '@preact/signals';
import { t } from '../text/text.ts';
import type { PageUppy } from '../uploader/uploader.ts';
import { Fold } from './card.tsx';

export function NoteCard({ uppy }: { readonly uppy: PageUppy }) {
  const text = useSignal('');
  const name = useSignal('note.txt');
  const added = useSignal<string | undefined>(undefined);
  const add = (event: SubmitEvent) => {
    event.preventDefault();
    const data = new File([text.value], name.value, { type: 'text/plain', lastModified: Date.now() });
    uppy.addFile({ name: name.value, type: 'text/plain', data, source: 'note' });
    added.value = name.value;
    text.value = '';
  };
  return (
    <Fold title={t('note')} area="note">
      <form onSubmit={add}>
        <label class="field">
          <span>{t('noteName')}</span>
          <input
            type="text"
            required
            maxLength={200}
            value={name.value}
            onInput={({ currentTarget }) => (name.value = currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{t('noteLabel')}</span>
          <textarea
            rows={4}
            required
            value={text.value}
            onInput={({ currentTarget }) => (text.value = currentTarget.value)}
          />
        </label>
        <button type="submit">{t('noteAdd')}</button>
        <p role="status">{added.value && t('noteAdded', { name: added.value })}</p>
      </form>
    </Fold>
  );
}
