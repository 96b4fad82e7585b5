/** The demo page begins here: it meets its host, and then shows the uploader, or an object that it follows. */
import '@uppy/core/css/style.min.css';
import '@uppy/dashboard/css/style.min.css';
import '@uppy/webcam/css/style.min.css';
import 'uplot/dist/uPlot.min.css';
import './style/page.css';
import './style/uppy.css';
import './style/preferences.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { App } from './app.tsx';
import { BootError } from './boot-error.tsx';
import { Follower } from './follow.ts';
import { meetHost } from './host.ts';
import { FollowPage } from './parts/follow-page.tsx';
import { makeParts } from './parts-of-page.ts';
import { language, theme } from './settings.ts';
import { t } from './text/text.ts';

const root = document.getElementById('app') ?? document.body;

effect(() => {
  document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
  document.documentElement.dataset['theme'] = theme.value;
  document.title = t('title');
});

/** The key of the object that the page follows, from the part after # of an address. */
const followedKey = (url: string) => new URLSearchParams(new URL(url).hash.slice(1)).get('follow');

addEventListener('hashchange', ({ oldURL, newURL }) => {
  if (followedKey(oldURL) !== followedKey(newURL)) location.reload();
});

try {
  const host = await meetHost();
  const key = followedKey(location.href);
  if (key !== null) render(<FollowPage host={host} follower={new Follower(host, key)} />, root);
  else render(<App {...(await makeParts(host))} />, root);
} catch (error) {
  render(<BootError error={error} />, root);
}
