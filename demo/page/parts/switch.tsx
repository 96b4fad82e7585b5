/** A switch with an explanation: a checkbox in the role of a switch. */
import { useId } from 'preact/hooks';

interface SwitchProps {
  readonly label: string;
  readonly says?: string;
  /** A short text at the end, such as a count. */
  readonly count?: string | undefined;
  readonly isOn: boolean;
  readonly isLocked?: boolean;
  readonly onToggle: (isOn: boolean) => void;
}

export function Switch({ label, says, count, isOn, isLocked = false, onToggle }: SwitchProps) {
  const id = useId();
  return (
    <div class={`switch ${isOn ? 'on' : ''}`}>
      <label>
        <input
          type="checkbox"
          role="switch"
          aria-checked={isOn}
          checked={isOn}
          disabled={isLocked}
          aria-describedby={id}
          onChange={({ currentTarget }) => onToggle(currentTarget.checked)}
        />
        <span>{label}</span>
      </label>
      <small id={id}>
        {says}
        {count && <b> {count}</b>}
      </small>
    </div>
  );
}
