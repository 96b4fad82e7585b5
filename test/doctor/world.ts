/** Makes the bucket, the client and the options of one case, for a test without a browser. */
import { type Diagnosis, diagnose } from '../../src/doctor/index.ts';
import { OssClient } from '../../src/request/client.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import type { Presign } from '../../src/request/presigner.ts';
import type { Fetch } from '../../src/request/request.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { platformClock } from '../../src/waiting/clock.ts';
import { browserFetch } from './browser-fetch.ts';
import { type DoctorCase, healthyRule, KEY, type Way } from './cases.ts';
import { networkOf } from './instead.ts';

/** The bucket of a case, for pages of one origin. */
export function bucketOf(
  { rule = {}, bucket = {}, faults = [], object, isNormal }: DoctorCase,
  origin: string,
): LocalOss {
  const cors = rule === 'none' ? [] : [{ ...healthyRule(origin), ...rule }];
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', cors, ...bucket } }, faults });
  if (object && isNormal) oss.putObject('logs', KEY, new TextEncoder().encode(object));
  else if (object) oss.appendObject('logs', KEY, new TextEncoder().encode(object));
  return oss;
}

/** A presign function on a server: it signs with its own client, which may have a wrong clock. */
export function presignOn(signer: OssClient): Presign {
  return async ({ operation, key, position = 0, size, range, headers }) => {
    if (operation === 'headObject') return signer.presignHeadObject(key);
    if (operation === 'getObject') return signer.presignGetObject(key, { range });
    const { 'content-type': contentType = null, ...rest } = headers;
    return signer.presignAppendObject(key, { position, size, contentType, headers: rest });
  };
}

/** The place in which the doctor works. */
export type Place = 'node' | 'page';

/** Runs the doctor for a case. */
export async function examine(
  one: DoctorCase,
  way: Way,
  place: Place,
): Promise<{ oss: LocalOss; diagnosis: Diagnosis }> {
  const origin = one.options?.origin ?? 'https://www.example.com';
  const oss = bucketOf(one, origin);
  const network = networkOf(one.instead ?? [], oss.fetch);
  const fetch: Fetch = place === 'page' ? browserFetch(network, origin) : network;
  const clock = { ...platformClock(), now: () => Date.now() + (one.clock ?? 0) };
  const retry = { baseDelay: 0, maxDelay: 0 };
  const fails = () => Promise.reject(new Error('the token endpoint is down'));
  const credentials = one.tokenFails ? fails : { ...oss.issueToken(one.token), ...one.credentials };
  const where = { region: 'cn-hangzhou', bucket: 'logs', endpoint: 'https://127.0.0.1', credentials };
  const signing = way === 'query' ? 'query' : 'header';
  const settings = { ...where, signing, fetch, clock, retry, ...one.client } as const;
  const options = { ...one.options, fetch, ...(place === 'page' && { origin }) };
  if (way !== 'presigned') return { oss, diagnosis: await diagnose(new OssClient(settings), KEY, options) };
  const presign = presignOn(new OssClient(settings));
  const client = new PresignedClient({ presign, fetch, retry });
  return { oss, diagnosis: await diagnose(client, KEY, { ...options, presign }) };
}

/** What a case says about its run, besides the diagnosis. */
export interface Ran {
  readonly place: Place;
  readonly oss: LocalOss;
}

/** Returns what is wrong with a diagnosis. Without `write`, nothing may be stored. */
export function problemsOf(one: DoctorCase, { ok, findings }: Diagnosis, { place, oss }: Ran): string[] {
  const expected = (place === 'page' && one.inPage) || one.finds;
  const codes = findings.map(({ code }) => code);
  const text = findings.map(({ says, mend }) => `${says} ${mend}`).join(' ');
  const length = oss.object('logs', KEY)?.length ?? 0;
  const wanted = (one.object ?? '').length + (one.options?.write ? 'oss-append doctor\n'.length : 0);
  return [
    ...(String(codes) === String(expected) ? [] : [`found [${codes}] in place of [${expected}]: ${text}`]),
    ...(ok === (expected.length === 0) ? [] : [`ok is ${ok}`]),
    ...(text.includes(one.says ?? '') ? [] : [`"${text}" does not contain "${one.says}"`]),
    ...(/[{}]|undefined/.test(text) ? [`"${text}" has an empty place`] : []),
    ...(length === wanted ? [] : [`the object has ${length} bytes, not ${wanted}`]),
  ];
}
