/** Starts browsers whose camera and microphone are fake, and which play media without a click. */
import { type Browser, chromium, firefox } from 'playwright';
import { findFirefox } from '../../.ci/browsers.mjs';
import { findChromium } from '../../.ci/chromium.mjs';

/** Resolves to undefined if there is no Chromium. */
export async function startChromium(): Promise<Browser | undefined> {
  const executablePath = await findChromium();
  const args = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  args.push('--autoplay-policy=no-user-gesture-required', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []));
  return executablePath ? chromium.launch({ executablePath, args }) : undefined;
}

/** Resolves to undefined if there is no Firefox. */
export async function startFirefox(): Promise<Browser | undefined> {
  const place = await findFirefox();
  const firefoxUserPrefs = {
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    'media.devices.insecure.enabled': true,
    'media.getusermedia.insecure.enabled': true,
    'media.autoplay.default': 0,
  };
  return place ? firefox.launch({ ...place, firefoxUserPrefs }) : undefined;
}
