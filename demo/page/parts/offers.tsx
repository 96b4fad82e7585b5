/** Tells that an object already holds a beginning of a file, and lets the user choose. */
import { bytes, exact } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import type { ObjectChoice, Offer } from '../uploader/object-choice.ts';

/** More offers than these would hide the list of files. */
const SHOWN = 3;

export function Offers({ choice }: { readonly choice: ObjectChoice }) {
  const offers = choice.offers.value;
  return (
    <>
      {offers.slice(0, SHOWN).map((offer) => (
        <div key={offer.fileId} class="notice" role="status">
          <p>{says(offer)}</p>
          <p class="actions">
            <button type="button" onClick={() => choice.dismiss(offer.fileId)}>
              {t(offer.position === offer.size ? 'offerKeep' : 'offerResume')}
            </button>
            <button type="button" class="quiet" onClick={() => choice.renew(offer.fileId)}>
              {t('offerRenew')}
            </button>
          </p>
        </div>
      ))}
      {offers.length > SHOWN && (
        <p class="notice" role="status">
          {t('offerMore', { count: exact(offers.length - SHOWN) })}
        </p>
      )}
    </>
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
