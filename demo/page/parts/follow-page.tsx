/** The second tab: an object while it grows. */
import { useEffect, useRef } from 'preact/hooks';
import type { Follower } from '../follow.ts';
import type { Host } from '../host.ts';
import { bytes, exact } from '../text/numbers.ts';
import { reasonOf } from '../text/sentences.ts';
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
  const stop = useRef(new AbortController());
  const run = () => void follower.run(stop.current.signal);
  useEffect(() => {
    run();
    return () => stop.current.abort();
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
          <State follower={follower} onAgain={run} />
          {length > 0 && <End end={end} />}
          <p>
            <a href="./">{t('followBack')}</a>
          </p>
        </Card>
      </main>
    </>
  );
}

interface StateProps {
  readonly follower: Follower;
  readonly onAgain: () => void;
}

/** Tells why no bytes come. */
function State({ follower, onAgain }: StateProps) {
  const problem = follower.problem.value;
  const isWaiting = follower.followed.value.length === 0;
  const waits = follower.isSilent.value ? t('troubleOss') : isWaiting && t('followWaiting');
  return (
    <>
      <p class={problem || follower.isSilent.value ? 'verdict unsure' : 'note'} role="status">
        {problem === undefined ? waits : t('followEnded', { reason: reasonOf(problem, 'following') })}
      </p>
      {problem !== undefined && (
        <p class="actions">
          <button type="button" onClick={onAgain}>
            {t('tryAgain')}
          </button>
        </p>
      )}
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
