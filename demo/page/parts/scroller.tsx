/** A region that scrolls by itself, and that the keyboard reaches, so that its arrow keys scroll it. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

interface ScrollerProps {
  /** The name that a screen reader says. */
  readonly label: string;
  readonly class?: string;
  /** When this text changes, the region scrolls to its end. */
  readonly endOf?: string | undefined;
  readonly children: ComponentChildren;
}

/** A region takes the focus as a button does. Not every browser does that by itself. */
const REACHABLE = 0;

export function Scroller({ label, class: more = '', endOf, children }: ScrollerProps) {
  const region = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    if (endOf !== undefined && region.current) region.current.scrollTop = region.current.scrollHeight;
  }, [endOf]);
  return (
    <section ref={region} class={`scroll ${more}`} aria-label={label} tabIndex={REACHABLE}>
      {children}
    </section>
  );
}

interface ListingProps {
  readonly label: string;
  readonly text: string;
  readonly isShort?: boolean;
  /** The newest line is at the end, so the listing shows its end. */
  readonly showsEnd?: boolean;
}

/** Code or text with its own line breaks. */
export function Listing({ label, text, isShort = false, showsEnd = false }: ListingProps) {
  return (
    <Scroller label={label} class={isShort ? 'listing short' : 'listing'} endOf={showsEnd ? text : undefined}>
      <pre>
        <code>{text}</code>
      </pre>
    </Scroller>
  );
}
