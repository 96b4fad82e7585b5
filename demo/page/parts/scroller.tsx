/** A region that scrolls by itself, and that the keyboard reaches, so that its arrow keys scroll it. */
import type { ComponentChildren } from 'preact';

interface ScrollerProps {
  /** The name that a screen reader says. */
  readonly label: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A region takes the focus as a button does. Not every browser does that by itself. */
const REACHABLE = 0;

export function Scroller({ label, class: more = '', children }: ScrollerProps) {
  return (
    <section class={`scroll ${more}`} aria-label={label} tabIndex={REACHABLE}>
      {children}
    </section>
  );
}

/** Code or text with its own line breaks. */
export function Listing({ label, text, isShort = false }: { label: string; text: string; isShort?: boolean }) {
  return (
    <Scroller label={label} class={isShort ? 'listing short' : 'listing'}>
      <pre>
        <code>{text}</code>
      </pre>
    </Scroller>
  );
}
