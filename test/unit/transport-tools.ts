/** What the tests of the transport share: a client with scripted answers, and the three calls. */
import type { OssClient, OssClientOptions } from '../../src/request/client.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import type { Presign } from '../../src/request/presigner.ts';
import { makeClient, scripted } from '../tools/unit-tools.ts';
import { VirtualClock } from '../tools/virtual-clock.ts';

export const HEAD = () =>
  new Response(null, {
    headers: { 'x-oss-request-id': 'R', 'content-length': '5', 'x-oss-object-type': 'Appendable' },
  });

export const GET = (body: BodyInit = 'hello') => new Response(body, { headers: { 'x-oss-request-id': 'R' } });

export const DROPPED = new TypeError('fetch failed', { cause: new Error('socket hang up') });

export const HTML = (status: number) =>
  new Response('<html>Log in</html>', { status, headers: { 'content-type': 'text/html' } });

export type Call = (
  client: Pick<OssClient, 'appendObject' | 'headObject' | 'getObject'>,
  signal?: AbortSignal,
) => Promise<unknown>;

export const append: Call = (client, signal) => client.appendObject('a', 'bytes', { position: 0, signal });

export const head: Call = (client, signal) => client.headObject('a', { signal });

export const get: Call = (client, signal) => client.getObject('a', { signal });

export const CALLS: [string, Call][] = [
  ['appendObject', append],
  ['headObject', head],
  ['getObject', get],
];

export function setUp(answers: Parameters<typeof scripted>, options: Partial<OssClientOptions> = {}) {
  const clock = new VirtualClock();
  const script = scripted(...answers);
  return { ...script, clock, client: makeClient({ clock, fetch: script.fetch, ...options }) };
}

/** The same for a client that has no key. */
export function setUpPresigned(answers: Parameters<typeof scripted>, presign: Presign) {
  const clock = new VirtualClock();
  const script = scripted(...answers);
  return { ...script, clock, client: new PresignedClient({ presign, clock, fetch: script.fetch }) };
}
