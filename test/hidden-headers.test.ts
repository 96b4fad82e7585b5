/**
 * What CORS hides from a page, and what OSS leaves out by itself: the engine learns the length and proves the bytes all the
 * same, or says what it lacks.
 */
import { describe, expect, test } from 'vitest';
import { AppendableObject, type AppendableObjectOptions } from '../src/append.ts';
import type { OssClient } from '../src/client.ts';
import type { FaultSchedule } from '../src/testing/index.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { type PageOptions, pageFetch } from './page-fetch.ts';
import { drive, failureOf, KEYS, localOss, makeClient, utf8, VirtualClock } from './unit-tools.ts';

const BUCKET = 'logs';
const KEY = 'a.log';
/** OSS compresses a text of this length on its way to who accepts that, so HEAD tells no length. */
const TEXT = 'line\n'.repeat(400);

interface PageSetting extends PageOptions {
  readonly faults?: FaultSchedule;
}

/** A page that appends to a text of 2,000 bytes, and what it asks for. */
class Page {
  readonly clock = new VirtualClock();
  readonly oss;
  readonly client: OssClient;
  /** The method of each request, and its range. */
  readonly asked: string[] = [];

  constructor({ faults = [], ...options }: PageSetting = {}) {
    this.oss = localOss({ faults, clock: this.clock });
    const onrequest = (method: string, headers: Headers) =>
      void this.asked.push(`${method} ${headers.get('range') ?? ''}`.trim());
    const fetch = pageFetch(this.oss.fetch, { ...options, onrequest });
    this.client = makeClient({ credentials: KEYS, fetch, clock: this.clock });
  }

  async store(text: string, headers: Record<string, string> = {}, contentType = 'text/plain'): Promise<void> {
    const client = makeClient({ credentials: KEYS, fetch: this.oss.fetch, clock: this.clock });
    await this.run(client.appendObject(KEY, text, { position: 0, contentType, headers }));
  }

  object(options: AppendableObjectOptions = {}): AppendableObject {
    return new AppendableObject(this.client, KEY, options);
  }

  run<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.clock, this.oss);
  }

  get stored(): string | undefined {
    const object = this.oss.object(BUCKET, KEY);
    return object && new TextDecoder().decode(object.bytes());
  }
}

/** The first append makes the object; the second one is the page's. */
const OF_THE_PAGE = { operation: 'AppendObject', nth: 2 } as const;
const LOST = { kind: 'drop-after', ...OF_THE_PAGE } as const;
const NOT_SENT = { kind: 'drop-before', ...OF_THE_PAGE } as const;

const EXPOSURES: readonly (readonly [string, PageOptions])[] = [
  ['nothing', {}],
  ['only the CRC', { exposed: ['x-oss-hash-crc64ecma'] }],
  ['only Content-Range', { exposed: ['content-range'] }],
  ['the position and the CRC', { exposed: ['x-oss-next-append-position', 'x-oss-hash-crc64ecma'] }],
  ['nothing, and a proxy leaves out Content-Length', { dropped: ['content-length'] }],
];

describe.each(EXPOSURES)('HEAD of a text of 2,000 bytes tells no length, CORS exposes %s', (_, visible) => {
  const page = async (faults: FaultSchedule = []): Promise<Page> => {
    const made = new Page({ ...visible, faults });
    await made.store(TEXT);
    return made;
  };

  test('open finds the end', async () => {
    const one = await page();
    await expect(one.run(one.object().open())).resolves.toMatchObject({ position: 2000 });
  });

  test('open with a tail that is no longer the end finds the end behind it', async () => {
    const one = await page();
    const object = one.object();
    await one.run(object.open());
    one.oss.appendObject(BUCKET, KEY, utf8('more'));
    const other = one.object({ tail: { position: 1000 } });
    await expect(one.run(failureOf(other.append('x')))).resolves.toMatchObject({ found: 2004 });
    await expect(one.run(other.open())).resolves.toMatchObject({ position: 2004 });
  });

  test('append goes to the end', async () => {
    const one = await page();
    await expect(one.run(one.object().append('more\n'))).resolves.toMatchObject({ position: 2005 });
    expect(one.stored).toBe(`${TEXT}more\n`);
  });

  test.each([
    ['was stored', LOST],
    ['was not stored', NOT_SENT],
  ])('an append without an answer that %s is there once', async (_outcome, fault) => {
    const one = await page([fault]);
    await expect(one.run(one.object().append('more\n'))).resolves.toMatchObject({ position: 2005 });
    expect(one.stored).toBe(`${TEXT}more\n`);
  });

  test('an append where another writer was first is a conflict, and proven absent', async () => {
    const one = await page([{ kind: 'rival', bytes: utf8('other text\n'), when: 'before', ...OF_THE_PAGE }]);
    const error = await one.run(failureOf(one.object().append('more\n')));
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 2011, outcome: 'absent' });
    expect(one.stored).toBe(`${TEXT}other text\n`);
  });

  test('an object that was replaced by a shorter text is a conflict', async () => {
    const one = await page();
    const object = one.object();
    await one.run(object.open());
    one.oss.deleteObject(BUCKET, KEY);
    await one.store(TEXT.slice(0, 1500));
    const error = await one.run(failureOf(object.append('more\n')));
    expect(error).toMatchObject({ name: 'AppendConflictError', found: 1500, outcome: 'unknown' });
  });

  test('resume goes on behind what is there, and recognises a finished file', async () => {
    const one = await page();
    const file = memoryBlob(utf8(`${TEXT}the rest\n`));
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: 2009 });
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: 2009 });
    expect(one.stored).toBe(`${TEXT}the rest\n`);
  });

  test('contentLength is a number or undefined', async () => {
    const one = await page();
    const told = visible.exposed?.includes('x-oss-next-append-position') ? 2000 : undefined;
    expect((await one.run(one.client.headObject(KEY))).contentLength).toBe(told);
    const { contentLength, body } = await one.run(one.client.getObject(KEY));
    await body.cancel();
    expect(contentLength).toBe(told);
  });
});

describe('a GET for the length', () => {
  test('finds no object where it was deleted after the HEAD', async () => {
    const page = new Page({ faults: [{ kind: 'delete', when: 'before', operation: 'GetObject' }] });
    await page.store(TEXT);
    await expect(page.run(page.object().open())).resolves.toMatchObject({ position: 0 });
  });
});

describe('what it costs to learn the length', () => {
  test('one GET, whose body is not read where its Content-Length is visible', async () => {
    const page = new Page();
    await page.store(TEXT);
    await page.run(page.object().open());
    expect(page.asked).toEqual(['HEAD', 'GET bytes=0-']);
  });

  test('where the bytes must be counted, only those from the last one that was known on', async () => {
    const page = new Page({ dropped: ['content-length'], faults: [NOT_SENT] });
    await page.store(TEXT);
    await page.run(page.object().append('more\n'));
    expect(page.asked).toEqual(['HEAD', 'GET bytes=0-', 'POST', 'HEAD', 'GET bytes=1999-', 'POST']);
  });

  test('no GET where the position is exposed, or HEAD tells the length', async () => {
    const exposed = new Page({ exposed: ['x-oss-next-append-position'] });
    await exposed.store(TEXT);
    await exposed.run(exposed.object().open());
    const short = new Page();
    await short.store(TEXT.slice(0, 1023));
    await short.run(short.object().open());
    const binary = new Page();
    await binary.store(TEXT, {}, 'application/octet-stream');
    await binary.run(binary.object().open());
    expect([exposed.asked, short.asked, binary.asked]).toEqual([['HEAD'], ['HEAD'], ['HEAD']]);
  });

  test('a page without the permission to read says so', async () => {
    const page = new Page({ faults: [{ kind: 'deny', operation: 'GetObject' }] });
    await page.store(TEXT);
    expect(await page.run(failureOf(page.object().open()))).toMatchObject({
      name: 'ServiceError',
      code: 'AccessDenied',
      message: expect.stringContaining('Cannot read bytes 0- of "a.log"'),
    });
  });
});
