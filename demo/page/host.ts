/** The routes of the host that the page uses: see the contract. */
import type { FaultName, HostConfig, HostSession, RivalAnswer, ScopedFaults, ScopedStats } from '../host/contract.ts';

/** What the page knows when it begins. */
export interface Host extends HostConfig {
  /** The beginning of the keys of this user. */
  readonly userPrefix: string;
}

/** The host did not answer, or its answer was not a configuration. */
export class HostError extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** Asks the host where the bucket is, and begins a session. A real application would log in here. */
export async function meetHost(): Promise<Host> {
  const config: HostConfig = await ask('config');
  const session: HostSession = await ask(`${config.edge}/session`, { method: 'POST', credentials: 'include' });
  return { ...config, userPrefix: session.prefix };
}

export function setFaults(scope: string, active: readonly FaultName[]): Promise<ScopedFaults> {
  return ask('faults', jsonInit('PUT', { scope, active }));
}

export function readFaults(scope: string): Promise<ScopedFaults> {
  return ask(`faults?scope=${encodeURIComponent(scope)}`);
}

export function readStats(scope: string): Promise<ScopedStats> {
  return ask(`stats?scope=${encodeURIComponent(scope)}`);
}

/** Lets another writer append a text. */
export function callRival(key: string, text: string): Promise<RivalAnswer> {
  return ask('rival', jsonInit('POST', { key, text }));
}

/** Returns the prefix that the host has now, or undefined if the host does not answer. */
export async function prefixNow(): Promise<string | undefined> {
  try {
    return (await ask<HostConfig>('config')).prefix;
  } catch {
    return undefined;
  }
}

function jsonInit(method: string, body: object): RequestInit {
  return { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
}

/** The longest time that the page waits for an answer of the host, ms. */
const TIMEOUT = 5000;

async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT) }).catch((cause: unknown) => {
    throw new HostError(`no answer to ${path}: ${cause instanceof Error ? cause.message : cause}`);
  });
  if (!response.ok) throw new HostError(`HTTP ${response.status} for ${path}`, response.status);
  return response.json().catch(() => {
    throw new HostError(`the answer to ${path} is not JSON`, response.status);
  });
}
