/**
 * How files are sent. A setting that has no effect together with the other settings is disabled, and a text says why.
 */
import { keepsType, SEGMENT_SIZES, segmentSize, signing, way } from '../settings.ts';
import { bytes } from '../text/numbers.ts';
import { t } from '../text/text.ts';
import { Fold } from './card.tsx';
import { Choice } from './choice.tsx';

export function SettingsForm() {
  return (
    <Fold title={t('settings')} area="settings" note={t('settingsLocked')}>
      <Choice
        legend={t('way')}
        chosen={way}
        options={[
          { value: 'token', label: t('wayToken'), says: t('wayTokenSays') },
          { value: 'grant', label: t('wayGrant'), says: t('wayGrantSays') },
          { value: 'pipe', label: t('wayPipe'), says: t('wayPipeSays') },
        ]}
      />
      <Choice
        legend={t('signing')}
        chosen={signing}
        locked={way.value === 'token' ? undefined : t('signingFixed')}
        options={[
          { value: 'header', label: t('signingHeader'), says: t('signingHeaderSays') },
          { value: 'query', label: t('signingQuery'), says: t('signingQuerySays') },
        ]}
      />
      <label class="field">
        <span>{t('segmentSize')}</span>
        <select
          value={segmentSize.value}
          onChange={({ currentTarget }) => (segmentSize.value = Number(currentTarget.value))}
        >
          {SEGMENT_SIZES.map((size) => (
            <option key={size} value={size}>
              {size === 0 ? t('segmentAuto') : bytes(size)}
            </option>
          ))}
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={keepsType.value}
          onChange={({ currentTarget }) => (keepsType.value = currentTarget.checked)}
        />
        <span>{t('keepType')}</span>
      </label>
    </Fold>
  );
}
