/** The second tab: an object while it grows. */
import { useEffect } from 'preact/hooks';
import type { Follower } from '../follow.ts';
import type { Host } from '../host.ts';
import { bytes, exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { Card } from './card.tsx';
import { Header } from './header.tsx';
import { Fact } from './object-card.tsx';
import { Listing } from './scroller.tsx';

interface FollowPageProps {
  readonly host: Host;
  readonly follower: Follower;
}

export function FollowPage({ host, follower }: FollowPageProps) {
  const { length, crc, pieces, end } = follower.followed.value;
  const problem = follower.problem.value;
  useEffect(() => {
    const stop = new AbortController();
    void follower.run(stop.signal);
    return () => stop.abort();
  }, [follower]);
  return (
    <>
      <Header host={host} />
      <main class="single">
        <Card title={t('followTitle', { key: follower.key })} area="follow" note={t('followNote')}>
          <dl class="facts" data-testid="followed">
            <Fact name={t('followRead')} value={`${bytes(length)} (${exact(length)})`} />
            <Fact name={t('followPieces')} value={exact(pieces.length)} />
            <Fact name={t('followCrc')} value={crc} />
          </dl>
          <p class="note" role="status">
            {problem === undefined ? length === 0 && t('followWaiting') : t('followEnded', { reason: String(problem) })}
          </p>
          {length > 0 && <End end={end} />}
          <p>
            <a href="./">{t('followBack')}</a>
          </p>
        </Card>
      </main>
    </>
  );
}

/** Shows the end of the object as text, or as numbers if it is not text. */
function End({ end }: { readonly end: Uint8Array }) {
  const text = textOf(end);
  const label = t(text === undefined ? 'followBytes' : 'followText');
  const hex = () => [...end.subarray(-256)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return (
    <>
      <h3>{label}</h3>
      <Listing label={label} text={text ?? hex()} isShort showsEnd />
    </>
  );
}

function textOf(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes);
  // The first character may be cut. Other broken characters, and control characters, mean that the object is not text.
  return /[^\P{Cc}\t\n\r]|\ufffd/u.test(text.slice(3)) ? undefined : text.replace(/^\ufffd+/, '');
}
