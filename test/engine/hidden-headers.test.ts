/**
 * Headers that CORS hides from a page or that OSS omits. The engine still learns the length and proves the bytes, or
 * says what is missing.
 */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { AppendableObject, type AppendableObjectOptions } from '../../src/append/object.ts';
import type { OssClient } from '../../src/request/client.ts';
import type { AppendBody } from '../../src/request/operations.ts';
import type { Fetch, FetchInit } from '../../src/request/request.ts';
import type { FaultSchedule, LocalOss } from '../../src/testing/index.ts';
import { serve } from '../../src/testing/node/http.ts';
import { type PageOptions, pageFetch } from '../tools/page-fetch.ts';
import { failureOf, KEYS, localOss, makeClient, refused, textOf, utf8 } from '../tools/unit-tools.ts';
import { drive, VirtualClock } from '../tools/virtual-clock.ts';
import { memoryBlob } from './exactly-once/sources.ts';

const BUCKET = 'logs';
const KEY = 'a.log';
/** OSS compresses a text of this length for clients that accept this, so HEAD reports no length. */
const TEXT = 'line\n'.repeat(400);

interface PageSetting extends PageOptions {
  readonly faults?: FaultSchedule;
  readonly override?: Override;
  readonly bucket?: string;
}

/** A page that appends to a text of 2,000 bytes, and a record of its requests. */
class Page {
  readonly clock = new VirtualClock();
  readonly oss;
  readonly client: OssClient;
  /** The method of each request, with its range. */
  readonly asked: string[] = [];
  readonly urls: string[] = [];

  constructor({ faults = [], override = 'taken', bucket = BUCKET, ...options }: PageSetting = {}) {
    this.oss = localOss({ faults, clock: this.clock });
    const onrequest = (url: string, { method, headers }: FetchInit) => {
      this.urls.push(url);
      this.asked.push(`${method} ${new Headers(headers).get('range') ?? ''}`.trim());
    };
    const fetch = pageFetch(overriding(this.oss, override), { ...options, onrequest });
    // The credentials come from a function, so that they can be replaced when OSS refuses them.
    const credentials = () => KEYS;
    this.client = makeClient({ credentials, bucket, fetch, clock: this.clock });
  }

  async store(body: AppendBody, headers: Record<string, string> = {}, contentType = 'text/plain'): Promise<void> {
    const client = makeClient({ credentials: KEYS, fetch: this.oss.fetch, clock: this.clock });
    await this.run(client.appendObject(KEY, body, { position: 0, contentType, headers }));
  }

  object(options: AppendableObjectOptions = {}): AppendableObject {
    return new AppendableObject(this.client, KEY, options);
  }

  run<T>(work: Promise<T>): Promise<T> {
    return drive(work, this.clock, this.oss);
  }

  get bytes(): Uint8Array {
    return this.oss.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(0);
  }

  get stored(): string {
    return new TextDecoder().decode(this.bytes);
  }
}

/** The first append creates the object. The second one is the page's. */
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

describe.each(EXPOSURES)('if HEAD of a text of 2,000 bytes reports no length and CORS exposes %s', (_, visible) => {
  const page = async (faults: FaultSchedule = []): Promise<Page> => {
    const made = new Page({ ...visible, faults });
    await made.store(TEXT);
    return made;
  };

  test('open finds the end', async () => {
    const one = await page();
    await expect(one.run(one.object().open())).resolves.toMatchObject({ position: 2000 });
  });

  test('open with an outdated tail finds the current end', async () => {
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
  ])('an append without an answer, which %s, is stored once', async (_outcome, fault) => {
    const one = await page([fault]);
    await expect(one.run(one.object().append('more\n'))).resolves.toMatchObject({ position: 2005 });
    expect(one.stored).toBe(`${TEXT}more\n`);
  });

  test('an append after another writer is a conflict with the outcome absent', async () => {
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

  test('resume continues after the stored bytes, and recognises a complete file', async () => {
    const one = await page();
    const file = memoryBlob(utf8(`${TEXT}the rest\n`));
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: 2009 });
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: 2009 });
    expect(one.stored).toBe(`${TEXT}the rest\n`);
  });

  test('contentLength is a number or undefined', async () => {
    const one = await page();
    const known = visible.exposed?.includes('x-oss-next-append-position') ? 2000 : undefined;
    expect((await one.run(one.client.headObject(KEY))).contentLength).toBe(known);
    const { contentLength, body } = await one.run(one.client.getObject(KEY));
    await body.cancel();
    expect(contentLength).toBe(known);
  });
});

describe('a GET for the length', () => {
  test('reports no object if the object was deleted after the HEAD', async () => {
    const page = new Page({ faults: [{ kind: 'delete', when: 'before', operation: 'GetObject' }] });
    await page.store(TEXT);
    await expect(page.run(page.object().open())).resolves.toMatchObject({ position: 0 });
  });
});

describe('the cost of learning the length', () => {
  test('is one GET, whose body is not read if its Content-Length is visible', async () => {
    const page = new Page();
    await page.store(TEXT);
    await page.run(page.object().open());
    expect(page.asked).toEqual(['HEAD', 'GET bytes=0-']);
  });

  test('is a read that starts at the last known byte, if the bytes must be counted', async () => {
    const page = new Page({ dropped: ['content-length'], faults: [NOT_SENT] });
    await page.store(TEXT);
    await page.run(page.object().append('more\n'));
    expect(page.asked).toEqual(['HEAD', 'GET bytes=0-', 'POST', 'HEAD', 'GET bytes=1999-', 'POST']);
  });

  test('is nothing if the position is exposed or HEAD reports the length', async () => {
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

  test('a page without the permission to read gets an error that says so', async () => {
    const page = new Page({ faults: [{ kind: 'deny', operation: 'GetObject' }] });
    await page.store(TEXT);
    expect(await page.run(failureOf(page.object().open()))).toMatchObject({
      name: 'ServiceError',
      code: 'AccessDenied',
      message: expect.stringContaining('Cannot read bytes 0- of "a.log"'),
    });
  });
});

/** The rule of the README. */
const RULE = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const README_RULE = [...RULE.matchAll(/<ExposeHeader>(.*?)<\/ExposeHeader>/g)].map(([, name]) =>
  String(name).toLowerCase(),
);

type Work = (page: Page) => Promise<unknown>;

const append: Work = (page) => page.object().append('more\n');
const resume: Work = (page) => page.object().resume(memoryBlob(utf8('line\nmore\n')));
const open: Work = (page) => page.object().open();
const head: Work = (page) => page.client.headObject(KEY);
const get: Work = async (page) => textOf((await page.client.getObject(KEY)).body);
const part: Work = async (page) => textOf((await page.client.getObject(KEY, { range: { start: 1, end: 2 } })).body);

describe.each<[string, PageOptions]>([
  ['nothing', {}],
  ['what the README says', { exposed: README_RULE }],
])('each operation works or says why it does not, if CORS exposes %s', (_, visible) => {
  const all = { open, append, resume, head, get, part };
  const engine = { open, append, resume };

  test.each(Object.entries(all))('%s works', async (name, work) => {
    const page = new Page(visible);
    await page.store('line\n');
    const ended = { open: 5, append: 10, resume: 10 }[name];
    const known = { head: { contentLength: 5 }, get: 'line\n', part: 'in' }[name];
    expect(await page.run(work(page))).toEqual(ended ? expect.objectContaining({ position: ended }) : expected(known));
  });

  test.each(Object.entries(engine))('%s works if the clock of the device is wrong', async (_name, work) => {
    for (const by of [-3_600_000, 3_600_000]) {
      const page = new Page({ ...visible, faults: () => ({ kind: 'skew-clock', by }) });
      await expect(page.run(work(page))).resolves.toMatchObject({ position: expect.any(Number) });
    }
  });

  test.each(Object.entries(engine))('%s works if the token expired too early', async (_name, work) => {
    const page = new Page({ ...visible, faults: [{ kind: 'expire-token' }] });
    await expect(page.run(work(page))).resolves.toMatchObject({ position: expect.any(Number) });
  });

  test.each(Object.entries({ ...engine, get, part }))('%s says that the permission is missing', async (_name, work) => {
    const page = new Page({ ...visible, faults: () => ({ kind: 'deny' }) });
    expect(await page.run(failureOf(work(page)))).toMatchObject({
      name: 'ServiceError',
      status: 403,
      code: 'AccessDenied',
      message: expect.stringContaining('check the RAM policy'),
    });
  });

  test.each(Object.entries({ append, resume, get }))('%s says that the bucket does not exist', async (_name, work) => {
    const page = new Page({ ...visible, bucket: 'missing' });
    expect(await page.run(failureOf(work(page)))).toMatchObject({ code: 'NoSuchBucket', status: 404 });
  });

  test.each(Object.entries({ get, part }))('%s says that the object does not exist', async (_name, work) => {
    const page = new Page(visible);
    expect(await page.run(failureOf(work(page)))).toMatchObject({ code: 'NoSuchKey', status: 404 });
  });

  test('the HEAD of a missing object reports at least the status', async () => {
    const page = new Page(visible);
    expect(await page.run(failureOf(head(page)))).toMatchObject({
      status: 404,
      code: expect.stringMatching(/^(Http404|NoSuchKey)$/),
    });
  });

  test.each(Object.entries(engine))('%s refuses an object that AppendObject did not create', async (_name, work) => {
    const page = new Page(visible);
    page.oss.putObject(BUCKET, KEY, utf8('line\n'));
    const made = await page.run(work(page)).catch((error: unknown) => error);
    // If the type of an object is hidden, only the first append reveals it.
    if (work === open && !visible.exposed) expect(made).toMatchObject({ position: 5 });
    else expect(made).toMatchObject({ code: 'ObjectNotAppendable' });
    expect(page.stored).toBe('line\n');
  });
});

function expected(known: unknown): unknown {
  return typeof known === 'object' ? expect.objectContaining(known) : known;
}

/** Finds a text whose gzip member has exactly the same length. */
function evenMember(letters: string): { text: string; member: Uint8Array<ArrayBuffer> } {
  for (let more = 1; more < 200; more++) {
    const text = letters + 'x'.repeat(more);
    const member = gzip(text);
    if (member.byteLength === text.length) return { text, member };
  }
  throw new Error(`No such text begins with ${letters}`);
}

function gzip(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(text));
}

/** How OSS treats `response-content-encoding`. */
type Override = 'taken' | 'refused' | 'refused once' | 'ignored';

function overriding(oss: LocalOss, override: Override): Fetch {
  let refusals = 0;
  return async (url, init) => {
    if (override === 'taken' || !url.includes('response-content-encoding=identity')) return oss.fetch(url, init);
    if (override === 'refused once' && refusals++ > 0) return oss.fetch(url, init);
    if (override !== 'ignored') return refused(400, 'InvalidRequest');
    const { status, headers, body } = await oss.fetch(url, init);
    headers.set('content-encoding', oss.object(BUCKET, KEY)?.headers['content-encoding'] ?? 'none');
    return new Response(body, { status, headers });
  };
}

describe.each<[string, PageOptions]>([
  ['nothing', {}],
  ['Content-Encoding', { exposed: ['content-encoding', 'content-range'] }],
])('if an object is stored with Content-Encoding: gzip and CORS exposes %s', (_, visible) => {
  const FIRST = gzip('the first record\n');
  const NEXT = gzip('the next record\n'.repeat(30));
  const OTHER = gzip('a record of someone else\n'.repeat(20));

  const page = async (faults: FaultSchedule = [], override: Override = 'taken'): Promise<Page> => {
    const made = new Page({ ...visible, faults, override });
    await made.store(FIRST, { 'content-encoding': 'gzip' });
    return made;
  };
  const both = Buffer.concat([FIRST, NEXT]);

  test.each([
    ['was stored', LOST],
    ['was not stored', NOT_SENT],
  ])('an append without an answer, which %s, is stored once', async (_outcome, fault) => {
    const one = await page([fault]);
    await expect(one.run(one.object().append(NEXT))).resolves.toMatchObject({ position: both.length });
    expect(both.equals(one.bytes)).toBe(true);
  });

  test('other bytes in our place are recognised', async () => {
    const one = await page([{ kind: 'rival', bytes: OTHER, when: 'before', ...OF_THE_PAGE }]);
    const error = await one.run(failureOf(one.object().append(NEXT.slice(0, 30))));
    expect(error).toMatchObject({ name: 'AppendConflictError', outcome: 'absent' });
  });

  test('an abandoned segment that was stored late is recognised as ours', async () => {
    const one = await page([
      { kind: 'drop-after', ...OF_THE_PAGE },
      { kind: 'drop-before', operation: 'HeadObject', nth: 2, times: 8 },
    ]);
    const object = one.object();
    await expect(one.run(failureOf(object.append(NEXT)))).resolves.toMatchObject({ outcome: 'unknown' });
    await one.run(object.open());
    expect(object.pending).toMatchObject([{ outcome: 'stored' }]);
  });

  test('resume continues after the stored bytes, recognises a complete file, and refuses another file', async () => {
    const one = await page();
    const file = memoryBlob(new Uint8Array(both));
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: both.length });
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: both.length });
    expect(both.equals(one.bytes)).toBe(true);
    const other = memoryBlob(new Uint8Array(Buffer.concat([OTHER, both])));
    expect(await one.run(failureOf(one.object().resume(other)))).toMatchObject({ code: 'DifferentPrefix' });
  });

  describe.each<Override>(['refused', 'ignored'])('if the parameter is %s', (override) => {
    const UNREADABLE = expect.stringMatching(/could not be proven.*or was decoded \(Content-Encoding\)/);

    test.each([
      ['stored', LOST],
      ['taken by other bytes', { kind: 'rival', bytes: OTHER, when: 'before', ...OF_THE_PAGE } as const],
    ])('the outcome of an append is unknown: %s', async (_outcome, fault) => {
      const one = await page([fault], override);
      const error = await one.run(failureOf(one.object().append(NEXT.slice(0, OTHER.byteLength))));
      expect(error).toMatchObject({ outcome: 'unknown', message: UNREADABLE });
    });

    test("decoded bytes of the same length are never mistaken for another writer's bytes", async () => {
      const { member } = evenMember('abcdefghijklmnopqrstuvwxyz');
      const one = await page([LOST], override);
      const error = await one.run(failureOf(one.object().append(member)));
      expect(error).toMatchObject({ outcome: 'unknown', message: UNREADABLE });
    });

    test('a file is never mistaken for another file', async () => {
      const { member } = evenMember('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
      const one = new Page({ ...visible, override });
      await one.store(member, { 'content-encoding': 'gzip' });
      const error = await one.run(failureOf(one.object().resume(memoryBlob(member))));
      expect(error).toMatchObject({ name: 'TransportError', message: expect.stringContaining('Content-Encoding') });
    });

    test('an object without a Content-Encoding is proven', async () => {
      const rival = { kind: 'rival', bytes: utf8('other\n'), when: 'before', ...OF_THE_PAGE } as const;
      for (const [fault, outcome] of [[LOST, undefined] as const, [rival, 'absent'] as const]) {
        const one = new Page({ ...visible, override, faults: [fault] });
        await one.store('line\n');
        const ending = one.run(one.object().append('more\n')).catch((error: unknown) => error);
        expect(await ending).toMatchObject(outcome ? { outcome } : { position: 10 });
      }
    });
  });

  test('if OSS refuses only the first read, the bytes are read again until they are the stored ones', async () => {
    const { member } = evenMember('abcdefghijklmnopqrstuvwxyz');
    const one = await page([LOST], 'refused once');
    await expect(one.run(one.object().append(member))).resolves.toMatchObject({
      position: FIRST.length + member.length,
    });
  });

  test('no byte is read if the CRC is exposed', async () => {
    const one = new Page({ exposed: ['x-oss-hash-crc64ecma'], faults: [LOST] });
    await one.store(FIRST, { 'content-encoding': 'gzip' });
    await one.run(one.object().append(NEXT));
    expect(one.asked).toEqual(['HEAD', 'POST', 'HEAD']);
  });
});

describe('over real HTTP, with the decoding of the platform', () => {
  const FIRST = gzip('the first record\n');
  const NEXT = gzip('the next record\n'.repeat(300));
  const both = Buffer.concat([FIRST, NEXT]);

  const world = async (faults: FaultSchedule = []) => {
    const oss = localOss({ faults });
    const served = await serve((request) => oss.fetch(request));
    const options = { credentials: KEYS, endpoint: served.url, clock: undefined, retry: { baseDelay: 0 } };
    const client = makeClient({ ...options, fetch: pageFetch(fetch, { decodes: true }) });
    const make = (body: AppendBody, contentType: string, headers = {}) =>
      makeClient(options).appendObject(KEY, body, { position: 0, contentType, headers });
    const bytes = () => oss.object(BUCKET, KEY)?.bytes() ?? new Uint8Array(0);
    return { ...served, client, make, bytes };
  };

  test('an object with a Content-Encoding is proven and resumed', async () => {
    const { client, make, bytes, close } = await world([LOST]);
    await make(FIRST, 'application/octet-stream', { 'content-encoding': 'gzip' });
    await new AppendableObject(client, KEY).append(NEXT);
    expect(both.equals(bytes())).toBe(true);
    const object = new AppendableObject(client, KEY);
    await expect(object.resume(new Blob([both, 'rest']))).resolves.toMatchObject({ position: both.length + 4 });
    await close();
  });

  test('a text whose HEAD reports no length is opened and appended to', async () => {
    const { client, make, bytes, close } = await world([LOST]);
    await make(TEXT, 'text/plain');
    await expect(new AppendableObject(client, KEY).append('more\n')).resolves.toMatchObject({ position: 2005 });
    expect(new TextDecoder().decode(bytes())).toBe(`${TEXT}more\n`);
    await close();
  });
});

describe('reading bytes back costs one more byte', () => {
  const RIVAL = { kind: 'rival', bytes: utf8('other\n'), when: 'before', ...OF_THE_PAGE } as const;

  test.each<[string, PageOptions, string[]]>([
    ['if CORS hides the Content-Encoding', {}, ['GET bytes=5-9', 'GET bytes=5-5']],
    ['but not if it is visible', { exposed: ['content-encoding'] }, ['GET bytes=5-9']],
  ])('%s', async (_, visible, reads) => {
    const page = new Page({ ...visible, faults: [RIVAL] });
    await page.store('line\n');
    await page.run(page.object({ shared: true }).append('mine\n'));
    expect(page.asked).toEqual(['HEAD', 'POST', 'HEAD', ...reads, 'POST']);
    expect(page.stored).toBe('line\nother\nmine\n');
  });
});
