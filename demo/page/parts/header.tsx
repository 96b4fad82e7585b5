/** The top of the page: what it is, where the bytes go, and the choice of language and colours. */

import type { Host } from '../host.ts';
import { type Language, language, type Theme, theme } from '../settings.ts';
import type { TextKey } from '../text/en.ts';
import { t } from '../text/text.ts';

const MODES: Readonly<Record<Host['mode'], TextKey>> = { local: 'modeLocal', real: 'modeReal', static: 'modeStatic' };

export function Header({ host }: { readonly host?: Host }) {
  return (
    <header>
      <div class="brand">
        <h1>oss-append</h1>
        <p>{t('tagline')}</p>
        {host && (
          <p class="note">
            {t('bucketAt', { bucket: host.bucket, endpoint: host.endpoint })} {t(MODES[host.mode])}
          </p>
        )}
      </div>
      <div class="switches">
        <LanguageSwitch />
        <ThemeSwitch />
      </div>
    </header>
  );
}

/** Each language is named in its own words, so that everybody finds it. */
function LanguageSwitch() {
  return (
    <label>
      <span>{t('language')}</span>
      <select
        value={language.value}
        onChange={({ currentTarget }) => (language.value = currentTarget.value as Language)}
      >
        <option value="en" lang="en">
          English
        </option>
        <option value="zh" lang="zh-CN">
          简体中文
        </option>
      </select>
    </label>
  );
}

function ThemeSwitch() {
  return (
    <label>
      <span>{t('theme')}</span>
      <select value={theme.value} onChange={({ currentTarget }) => (theme.value = currentTarget.value as Theme)}>
        <option value="auto">{t('themeAuto')}</option>
        <option value="light">{t('themeLight')}</option>
        <option value="dark">{t('themeDark')}</option>
      </select>
    </label>
  );
}
