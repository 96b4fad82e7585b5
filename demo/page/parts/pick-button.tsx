/** A button that lets the user pick files in the dialog of the browser. */
import { useRef } from 'preact/hooks';
import { t } from '../text/text.ts';

interface PickButtonProps {
  readonly isMultiple?: boolean;
  readonly onPick: (files: readonly File[]) => void;
}

export function PickButton({ isMultiple = false, onPick }: PickButtonProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        {t('pickAgain')}
      </button>
      <input
        ref={input}
        type="file"
        multiple={isMultiple}
        hidden
        onChange={({ currentTarget }) => {
          onPick([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </>
  );
}
