/** Tells that an object already holds a beginning of a file, and lets the user choose. */
import { bytes, exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { ObjectChoice, Offer } from '../uploader/object-choice.ts';

/**
 * Shows one notice for all offers. After a reload there can be many, and one notice for each would hide the list of
 * files.
 */
export function Offers({ choice }: { readonly choice: ObjectChoice }) {
  const offers = choice.offers.value;
  const [offer] = offers;
  if (!offer) return null;
  const isOne = offers.length === 1;
  const each = (act: (fileId: string) => void) => () => {
    for (const { fileId } of offers) act(fileId);
  };
  return (
    <div key={isOne ? offer.fileId : 'many'} class="notice" role="status">
      <p>{isOne ? says(offer) : t('offerMany', { count: exact(offers.length) })}</p>
      <p class="actions">
        <button type="button" onClick={each((id) => choice.dismiss(id))}>
          {t(isOne && offer.position === offer.size ? 'offerKeep' : 'offerResume')}
        </button>
        <button type="button" class="quiet" onClick={each((id) => choice.renew(id))}>
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
