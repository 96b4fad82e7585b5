/** Radio buttons, with an explanation for each choice. */
import type { Signal } from '@preact/signals';
import { useId } from 'preact/hooks';

export interface ChoiceOption<T> {
  readonly value: T;
  readonly label: string;
  readonly says?: string;
}

interface ChoiceProps<T> {
  readonly legend: string;
  readonly chosen: Signal<T>;
  readonly options: readonly ChoiceOption<T>[];
  /** Why nothing can be chosen now. */
  readonly locked?: string | undefined;
}

export function Choice<T extends string | number>({ legend, chosen, options, locked }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="choice" disabled={locked !== undefined}>
      <legend>{legend}</legend>
      {options.map(({ value, label, says }) => (
        <label key={value}>
          <input type="radio" name={name} checked={chosen.value === value} onChange={() => (chosen.value = value)} />
          <span>
            {label}
            {says && <small>{says}</small>}
          </span>
        </label>
      ))}
      {locked && <p class="note">{locked}</p>}
    </fieldset>
  );
}
