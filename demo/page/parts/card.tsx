/** A part of the page with a heading. */
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface CardProps {
  readonly title: string;
  /** The name of the area in the grid of the page. */
  readonly area: string;
  readonly note?: string;
  readonly children: ComponentChildren;
}

export function Card({ title, area, note, children }: CardProps) {
  const id = useId();
  return (
    <section class={`card area-${area}`} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  );
}

/** A part that is closed at first, because most users do not need it at once. */
export function Fold({ title, area, note, children }: CardProps) {
  return (
    <details class={`card fold area-${area}`}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {note && <p class="note">{note}</p>}
      {children}
    </details>
  );
}
