// @vitest-environment happy-dom
/** The doctor's card of the page: what it says about the faults that the user has switched on. */
import { h, render } from 'preact';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { FaultName } from '../../demo/host/contract.ts';
import { Faults } from '../../demo/page/faults.ts';
import type { Host } from '../../demo/page/host.ts';
import { DoctorCard } from '../../demo/page/parts/doctor-card.tsx';
import { Session } from '../../demo/page/session.ts';
import { language } from '../../demo/page/settings.ts';
import { LocalOss } from '../../src/testing/index.ts';

const HOST: Host = {
  ...{
    mode: 'local' as const,
    region: 'cn-hangzhou',
    bucket: 'logs',
    endpoint: 'https://oss.example',
    pathStyle: true,
  },
  ...{ prefix: 'demo/', userPrefix: 'demo/you/', edge: 'https://page.example', canBreak: true },
};

let session: Session;
let faults: Faults;

/** A host that gives tokens, and whose OSS has the faults that the page has switched on. */
function hostFetch(): (url: string, init?: RequestInit) => Promise<Response> {
  let active: readonly FaultName[] = [];
  const oss = new LocalOss({
    buckets: { logs: { region: HOST.region } },
    endpoints: ['oss.example'],
    faults: () => (active.includes('portal') ? { kind: 'portal' } : undefined),
  });
  return async (url, init = {}) => {
    if (url.startsWith(HOST.endpoint)) return oss.fetch(url, init);
    if (url === `${HOST.edge}/token`) return Response.json(oss.issueToken());
    const asked = JSON.parse(String(init.body));
    active = asked.active;
    return Response.json(asked);
  };
}

beforeEach(() => {
  vi.stubGlobal('fetch', hostFetch());
  session = new Session(HOST, 'tab');
  faults = new Faults(session);
  language.value = 'en';
});

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

/** Switches the faults on, draws the card, presses its button, and waits for the end of the examination. */
async function examine(...active: FaultName[]): Promise<void> {
  for (const name of active) await faults.toggle(name, true);
  expect(faults.problem.value).toBe(undefined);
  render(h(DoctorCard, { session, faults }), document.body);
  button().click();
  // The card says nothing before the examination has ended.
  await vi.waitFor(() => expect(said()).not.toBe(''), { timeout: 20_000 });
  expect(button().getAttribute('aria-disabled')).toBe('false');
}

const button = () => document.querySelector('button') as HTMLButtonElement;
const said = () => document.querySelector('[role=status]')?.textContent ?? '';
const notices = () => [...document.querySelectorAll('.notice strong')].map(({ textContent }) => textContent);

describe('the doctor of the page', () => {
  test('names the faults that are switched on beside its findings, and asks to examine again without them', async () => {
    await examine('portal', 'slow');
    expect(notices()).toEqual([expect.stringContaining('A portal or proxy answers, not OSS')]);
    expect(said()).toContain(
      'Faults are switched on: Login page in between and Slow link. Switch them off, and examine again to see what is wrong without them.',
    );
  });

  test('names the faults in Chinese too', async () => {
    await examine('portal');
    language.value = 'zh';
    await vi.waitFor(() => expect(said()).toContain('已开启的故障：'), { timeout: 20_000 });
  });

  test('shows only its findings if no fault is switched on', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('no', { status: 500 })));
    await examine();
    expect(notices()).toHaveLength(1);
    expect(said()).not.toContain('Faults are switched on');
  });

  test('says that faults can disturb an upload, even if they did not disturb the examination', async () => {
    await examine('slow');
    expect(notices()).toEqual([]);
    expect(said()).toMatch(/found nothing wrong.*faults are switched on \(Slow link\)/);
    expect(said()).not.toContain('Switch them off');
  });

  test('removes its finding as soon as a fault is switched on or off', async () => {
    await examine('portal');
    expect(notices()).toHaveLength(1);
    await faults.toggle('portal', false);
    await vi.waitFor(() => expect(said()).toBe(''), { timeout: 20_000 });
  });
});
