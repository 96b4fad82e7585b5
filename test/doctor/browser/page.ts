/** The script of the page: it makes the client of a case, and lets the doctor examine it. */
import { type Diagnosis, diagnose } from '../../../src/doctor/index.ts';
import { OssClient } from '../../../src/request/client.ts';
import { PresignedClient } from '../../../src/request/presigned.ts';
import type { Presign } from '../../../src/request/presigner.ts';
import { platformClock } from '../../../src/waiting/clock.ts';
import { type DoctorCase, KEY, type Way } from '../cases.ts';

/** One examination. */
export interface Job {
  readonly case: DoctorCase;
  readonly way: Way;
  readonly endpoint: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly accessKeySecret: string;
    readonly securityToken: string;
  };
}

/** The server of the page signs. */
const presign: Presign = async ({ signal, ...request }) => {
  const response = await fetch('/presign', { method: 'POST', body: JSON.stringify(request), signal: signal ?? null });
  return response.json();
};

async function examine({ case: one, way, endpoint, credentials }: Job): Promise<Diagnosis> {
  const retry = { baseDelay: 1, maxDelay: 5 };
  const { options = {} } = one;
  if (way === 'presigned') return diagnose(new PresignedClient({ presign, retry }), KEY, { ...options, presign });
  const clock = { ...platformClock(), now: () => Date.now() + (one.clock ?? 0) };
  const where = { region: 'cn-hangzhou', bucket: 'logs', endpoint, signing: way };
  const own = one.tokenFails ? () => Promise.reject(new Error('the token endpoint is down')) : credentials;
  return diagnose(new OssClient({ ...where, credentials: own, clock, retry, ...one.client }), KEY, options);
}

Object.assign(globalThis, { examine });
