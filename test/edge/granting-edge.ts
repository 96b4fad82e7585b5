/**
 * OSS, an edge that grants, and the browser of user u1. The tests of grants use them with a clock that always shows
 * noon.
 */
import { expect, vi } from 'vitest';
import { Sessions } from '../../demo/edge/session.ts';
import { createEdge, type EdgeOptions, type EdgeQuestion } from '../../src/edge/index.ts';
import type { FaultSchedule } from '../../src/testing/index.ts';
import { NOON } from '../tools/virtual-clock.ts';
import { Browser, makeCloud, PAGE, placeOf, RAM, SESSION_SECRET } from './world.ts';

/** The answer to `POST /grant`, or one of the answers to `POST /grants`. */
export interface Grant {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly expiration: string;
  readonly position: number;
  readonly size: number;
}

/** Stops the clock of `Date` at noon. */
export function stopClock(): void {
  vi.useFakeTimers({ now: NOON, toFake: ['Date'] });
}

export async function grantingEdge({ faults, ...options }: Partial<EdgeOptions> & { faults?: FaultSchedule } = {}) {
  const { oss } = makeCloud(faults ? { faults } : {});
  const sessions = new Sessions({ secret: SESSION_SECRET });
  const asked: EdgeQuestion[] = [];
  const edge = createEdge({
    oss: { ...placeOf(oss), retry: { baseDelay: 1 } },
    credentials: RAM,
    authenticate: (request) => sessions.userOf(request),
    prefixOf: (user) => `inbox/${user}/`,
    origins: [PAGE],
    allows: (question) => asked.push(question) > 0,
    routes: {
      'POST /session': async () =>
        new Response('{}', { headers: { 'set-cookie': await sessions.issue('u1', { secure: true }) } }),
    },
    ...options,
  });
  const browser = new Browser(edge);
  await browser.login();
  const grant = async (body: object): Promise<Grant> => {
    const response = await browser.post('/grant', body);
    expect(response.status).toBe(200);
    return response.json();
  };
  /** Sends a granted request to OSS. Returns the status, and the body or the code of a refusal. */
  const send = async ({ url, method, headers }: Grant, init: RequestInit = {}): Promise<string> => {
    const response = await oss.fetch(url, { method, headers, ...init });
    const text = await response.text();
    return `${response.status} ${/<Code>(.*?)<\/Code>/.exec(text)?.[1] ?? text}`.trim();
  };
  return { oss, browser, asked, grant, send };
}

/** Returns the JSON that asks for the grant of an append. */
export function appendOf(key: string, position: number, size: number, more: object = {}): object {
  return { operation: 'appendObject', key, position, size, ...more };
}
