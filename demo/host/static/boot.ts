/**
 * Begins the static build: it starts the Service Worker, waits until the worker answers this page, and then loads the
 * page. If that is impossible, it says so in the page.
 */

/** How long the page waits for the worker, in ms. */
const PATIENCE = 15_000;
const RELOADED = 'oss-append reloaded';

const PROBLEMS = {
  unsupported: [
    'This demo cannot run here, because it needs a Service Worker. Open it over HTTPS or from localhost, in a browser that has Service Workers, and not in a private window.',
    '此演示需要 Service Worker，因此无法在这里运行。请通过 HTTPS 或 localhost，在支持 Service Worker 的浏览器的非隐私窗口中打开。',
  ],
  failed: [
    'This demo cannot run, because its Service Worker did not start. Reload the page. If that does not help, clear the data of this site.',
    '演示的 Service Worker 未能启动。请重新加载页面；如果仍然失败，请清除此网站的数据。',
  ],
} as const;

await boot().catch((error: unknown) => {
  console.error(error);
  show('serviceWorker' in navigator && isWebPage() ? 'failed' : 'unsupported');
});

async function boot(): Promise<void> {
  if (!('serviceWorker' in navigator)) throw new Error('This browser has no Service Workers here');
  await navigator.serviceWorker.register('worker.js', { updateViaCache: 'none' });
  if (!(await isControlled())) return reloadOnce();
  sessionStorage.removeItem(RELOADED);
  document.getElementById('app')?.replaceChildren();
  // The bundler must not look for this file, so its name is not a constant.
  await import(new URL('main.js', document.baseURI).href);
}

function isWebPage(): boolean {
  return /^https?:$/.test(location.protocol);
}

/** Waits until a worker answers the requests of this page. A hard reload leaves a page without one. */
async function isControlled(): Promise<boolean> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller) return true;
  const taken = new Promise<boolean>((resolve) => {
    serviceWorker.addEventListener('controllerchange', () => resolve(true), { once: true });
    setTimeout(() => resolve(false), PATIENCE);
  });
  const { active } = await serviceWorker.ready;
  active?.postMessage('claim');
  return serviceWorker.controller ? true : taken;
}

/** After a hard reload, some browsers give the page no worker. A usual reload then helps. */
function reloadOnce(): void {
  if (sessionStorage.getItem(RELOADED)) throw new Error('The Service Worker does not answer this page');
  sessionStorage.setItem(RELOADED, 'yes');
  location.reload();
}

/** Shows a problem where the page would be. */
function show(problem: keyof typeof PROBLEMS): void {
  const place = document.getElementById('app') ?? document.body;
  const paragraphs = PROBLEMS[problem].map((text, index) => {
    const paragraph = document.createElement('p');
    paragraph.lang = index === 0 ? 'en' : 'zh-CN';
    paragraph.textContent = text;
    return paragraph;
  });
  place.setAttribute('role', 'alert');
  place.replaceChildren(...paragraphs);
}

export {};
