/**
 * One life of a log in a real page, dedicated worker or service worker. It reports to the server what the journal
 * holds, and then it writes numbered records until its process is killed. The last life closes its log.
 */

import { IndexedDbJournal, LogAppender } from '../../src/log/index.ts';
import { randomFrom } from '../engine/exactly-once/random.ts';

export interface LifeOptions {
  readonly life: number;
  readonly seed: number;
  readonly key: string;
  /** Where LocalOss listens. */
  readonly endpoint: string;
  readonly isLast: boolean;
}

/** The records that the journal holds, as text. */
async function journaled(): Promise<string> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open('oss-append-log');
    request.onupgradeneeded = () => request.result.createObjectStore('rows');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const rows = await new Promise<unknown[]>((resolve, reject) => {
    const request = database.transaction('rows').objectStore('rows').getAll();
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  database.close();
  const decoder = new TextDecoder();
  return rows.map((row) => decoder.decode(Object(row).bytes)).join('');
}

export async function live({ life, seed, key, endpoint, isLast }: LifeOptions): Promise<void> {
  const random = randomFrom(seed);
  const tell = (path: string, body: string) => fetch(path, { method: 'POST', body });
  await tell(`/journal?life=${life}`, await journaled());
  const credentials = async () => (await fetch('/token')).json();
  const client = { region: 'cn-hangzhou', bucket: 'logs', endpoint, credentials };
  const log = new LogAppender(client, key, {
    flushAfter: 40,
    segmentSize: 400,
    persist: new IndexedDbJournal('life'),
    onerror: (error) => void tell('/error', `life ${life}: ${error}`),
    onstored: ({ position }) => void tell('/stored', String(position)),
  });
  for (let n = 0; n < (isLast ? 5 : 100_000); ) {
    for (let count = Math.floor(random() * 4); count > 0; count--) log.write(`record ${life} ${n++}`);
    await new Promise((resolve) => setTimeout(resolve, random() ** 2 * 40));
  }
  await log.close();
  await tell('/done', '');
}
