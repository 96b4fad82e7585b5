/**
 * Says that an object already holds the beginning of a file. Uppy's button “Upload” goes on there, so it is the main
 * action, and the notice has only the other choice.
 */
import { bytes, exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { useKeptFocus } from '../uploader/focus.ts';
import type { ObjectChoice, Offer } from '../uploader/object-choice.ts';

/**
 * Shows one notice for all offers. After a reload there can be many, and one notice for each would hide the list of
 * files.
 */
export function Offers({ choice }: { readonly choice: ObjectChoice }) {
  const offers = choice.offers.value;
  const [offer] = offers;
  if (!offer) return null;
  return <Notice key={offers.length === 1 ? offer.fileId : 'many'} {...{ offers, offer, choice }} />;
}

interface NoticeProps {
  readonly offers: readonly Offer[];
  /** The first of them. */
  readonly offer: Offer;
  readonly choice: ObjectChoice;
}

function Notice({ offers, offer, choice }: NoticeProps) {
  const notice = useKeptFocus<HTMLDivElement>();
  const isOne = offers.length === 1;
  const renew = () => {
    for (const { fileId } of offers) choice.renew(fileId);
  };
  return (
    <div class="notice" role="status" ref={notice}>
      <p>{isOne ? says(offer) : t('offerMany', { count: exact(offers.length) })}</p>
      <p class="actions">
        <button type="button" class="quiet" onClick={renew}>
          {t(isOne ? 'offerRenew' : 'offerRenewAll')}
        </button>
      </p>
    </div>
  );
}

function says({ key, name, position, size }: Offer): string {
  return t(position === size ? 'offerWhole' : 'offerBeginning', {
    key,
    name,
    held: bytes(position),
    size: bytes(size),
  });
}
