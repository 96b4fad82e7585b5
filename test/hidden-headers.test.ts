/**
 * What CORS hides from a page, and what OSS leaves out by itself: the engine learns the length and proves the bytes all the
 * same, or says what it lacks.
 */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { serve } from '../demo/node-http.ts';
import { AppendableObject, type AppendableObjectOptions } from '../src/append/object.ts';
import type { AppendBody, OssClient } from '../src/request/client.ts';
import type { Fetch, FetchInit } from '../src/request/operation.ts';
import type { FaultSchedule, LocalOss } from '../src/testing/index.ts';
import { memoryBlob } from './exactly-once/sources.ts';
import { type PageOptions, pageFetch } from './page-fetch.ts';
import { drive, failureOf, KEYS, localOss, makeClient, refused, textOf, utf8, VirtualClock } from './unit-tools.ts';

const BUCKET = 'logs';
const KEY = 'a.log';
/** OSS compresses a text of this length on its way to who accepts that, so HEAD tells no length. */
const TEXT = 'line\n'.repeat(400);

interface PageSetting extends PageOptions {
  readonly faults?: FaultSchedule;
  readonly override?: Override;
  readonly bucket?: string;
}

/** A page that appends to a text of 2,000 bytes, and what it asks for. */
class Page {
  readonly clock = new VirtualClock();
  readonly oss;
  readonly client: OssClient;
  /** The method of each request, and its range. */
  readonly asked: string[] = [];
  readonly urls: string[] = [];

  constructor({ faults = [], override = 'taken', bucket = BUCKET, ...options }: PageSetting = {}) {
    this.oss = localOss({ faults, clock: this.clock });
    const onrequest = (url: string, { method, headers }: FetchInit) => {
      this.urls.push(url);
      this.asked.push(`${method} ${new Headers(headers).get('range') ?? ''}`.trim());
    };
    const fetch = pageFetch(overriding(this.oss, override), { ...options, onrequest });
    // A provider, so that what OSS refuses can be replaced.
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

/** What the README's rule exposes. */
const RULE = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
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
])('each operation works or tells why it does not, CORS exposes %s', (_, visible) => {
  const all = { open, append, resume, head, get, part };
  const engine = { open, append, resume };

  test.each(Object.entries(all))('%s works', async (name, work) => {
    const page = new Page(visible);
    await page.store('line\n');
    const ended = { open: 5, append: 10, resume: 10 }[name];
    const told = { head: { contentLength: 5 }, get: 'line\n', part: 'in' }[name];
    expect(await page.run(work(page))).toEqual(ended ? expect.objectContaining({ position: ended }) : expected(told));
  });

  test.each(Object.entries(engine))('%s works where the clock of the device is wrong', async (_name, work) => {
    for (const by of [-3_600_000, 3_600_000]) {
      const page = new Page({ ...visible, faults: () => ({ kind: 'skew-clock', by }) });
      await expect(page.run(work(page))).resolves.toMatchObject({ position: expect.any(Number) });
    }
  });

  test.each(Object.entries(engine))('%s works where the token has ended before its time', async (_name, work) => {
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

  test.each(Object.entries({ append, resume, get }))('%s says that there is no such bucket', async (_name, work) => {
    const page = new Page({ ...visible, bucket: 'missing' });
    expect(await page.run(failureOf(work(page)))).toMatchObject({ code: 'NoSuchBucket', status: 404 });
  });

  test.each(Object.entries({ get, part }))('%s says that there is no such object', async (_name, work) => {
    const page = new Page(visible);
    expect(await page.run(failureOf(work(page)))).toMatchObject({ code: 'NoSuchKey', status: 404 });
  });

  test('head of what is missing tells the status at least', async () => {
    const page = new Page(visible);
    expect(await page.run(failureOf(head(page)))).toMatchObject({
      status: 404,
      code: expect.stringMatching(/^(Http404|NoSuchKey)$/),
    });
  });

  test.each(Object.entries(engine))('%s refuses what AppendObject did not make', async (_name, work) => {
    const page = new Page(visible);
    page.oss.putObject(BUCKET, KEY, utf8('line\n'));
    const made = await page.run(work(page)).catch((error: unknown) => error);
    // Where the type of an object is hidden, its first append tells.
    if (work === open && !visible.exposed) expect(made).toMatchObject({ position: 5 });
    else expect(made).toMatchObject({ code: 'ObjectNotAppendable' });
    expect(page.stored).toBe('line\n');
  });
});

function expected(told: unknown): unknown {
  return typeof told === 'object' ? expect.objectContaining(told) : told;
}

/** A text and its gzip member, which is exactly as long. */
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

/** What OSS does with `response-content-encoding`. */
type Override = 'taken' | 'refused' | 'ignored';

function overriding(oss: LocalOss, override: Override): Fetch {
  return async (url, init) => {
    if (override === 'taken' || !url.includes('response-content-encoding=identity')) return oss.fetch(url, init);
    if (override === 'refused') return refused(400, 'InvalidRequest');
    const { status, headers, body } = await oss.fetch(url, init);
    headers.set('content-encoding', oss.object(BUCKET, KEY)?.headers['content-encoding'] ?? 'none');
    return new Response(body, { status, headers });
  };
}

describe.each<[string, PageOptions]>([
  ['nothing', {}],
  ['Content-Encoding', { exposed: ['content-encoding', 'content-range'] }],
])('an object stored with Content-Encoding: gzip, CORS exposes %s', (_, visible) => {
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
  ])('an append without an answer that %s is there once', async (_outcome, fault) => {
    const one = await page([fault]);
    await expect(one.run(one.object().append(NEXT))).resolves.toMatchObject({ position: both.length });
    expect(both.equals(one.bytes)).toBe(true);
  });

  test('other bytes in our place are other bytes', async () => {
    const one = await page([{ kind: 'rival', bytes: OTHER, when: 'before', ...OF_THE_PAGE }]);
    const error = await one.run(failureOf(one.object().append(NEXT.slice(0, 30))));
    expect(error).toMatchObject({ name: 'AppendConflictError', outcome: 'absent' });
  });

  test('a segment that was given up and stored late is known for ours', async () => {
    const one = await page([
      { kind: 'drop-after', ...OF_THE_PAGE },
      { kind: 'drop-before', operation: 'HeadObject', nth: 2, times: 8 },
    ]);
    const object = one.object();
    await expect(one.run(failureOf(object.append(NEXT)))).resolves.toMatchObject({ outcome: 'unknown' });
    await one.run(object.open());
    expect(object.pending).toMatchObject([{ outcome: 'stored' }]);
  });

  test('resume goes on behind what is there, recognises a finished file, and refuses another', async () => {
    const one = await page();
    const file = memoryBlob(new Uint8Array(both));
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: both.length });
    await expect(one.run(one.object().resume(file))).resolves.toMatchObject({ position: both.length });
    expect(both.equals(one.bytes)).toBe(true);
    const other = memoryBlob(new Uint8Array(Buffer.concat([OTHER, both])));
    expect(await one.run(failureOf(one.object().resume(other)))).toMatchObject({ code: 'DifferentPrefix' });
  });

  describe.each<Override>(['refused', 'ignored'])('where OSS %s to leave it out', (override) => {
    const UNREADABLE = expect.stringMatching(/could not be proven.*or was decoded \(Content-Encoding\)/);

    test.each([
      ['stored', LOST],
      ['taken by other bytes', { kind: 'rival', bytes: OTHER, when: 'before', ...OF_THE_PAGE } as const],
    ])('what became of an append is unknown: %s', async (_outcome, fault) => {
      const one = await page([fault], override);
      const error = await one.run(failureOf(one.object().append(NEXT.slice(0, OTHER.byteLength))));
      expect(error).toMatchObject({ outcome: 'unknown', message: UNREADABLE });
    });

    test('decoded bytes that are exactly as many as ours are never taken for others', async () => {
      const { member } = evenMember('abcdefghijklmnopqrstuvwxyz');
      const one = await page([LOST], override);
      const error = await one.run(failureOf(one.object().append(member)));
      expect(error).toMatchObject({ outcome: 'unknown', message: UNREADABLE });
    });

    test('a file is never taken for a different one', async () => {
      const { member } = evenMember('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
      const one = new Page({ ...visible, override });
      await one.store(member, { 'content-encoding': 'gzip' });
      const error = await one.run(failureOf(one.object().resume(memoryBlob(member))));
      expect(error).toMatchObject({ name: 'TransportError', message: expect.stringContaining('Content-Encoding') });
    });

    test('an object without a Content-Encoding is proven all the same', async () => {
      const rival = { kind: 'rival', bytes: utf8('other\n'), when: 'before', ...OF_THE_PAGE } as const;
      for (const [fault, outcome] of [[LOST, undefined] as const, [rival, 'absent'] as const]) {
        const one = new Page({ ...visible, override, faults: [fault] });
        await one.store('line\n');
        const ending = one.run(one.object().append('more\n')).catch((error: unknown) => error);
        expect(await ending).toMatchObject(outcome ? { outcome } : { position: 10 });
      }
    });
  });

  test('no byte is read where the CRC is exposed', async () => {
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

  test('a text whose HEAD tells no length is opened and appended to', async () => {
    const { client, make, bytes, close } = await world([LOST]);
    await make(TEXT, 'text/plain');
    await expect(new AppendableObject(client, KEY).append('more\n')).resolves.toMatchObject({ position: 2005 });
    expect(new TextDecoder().decode(bytes())).toBe(`${TEXT}more\n`);
    await close();
  });
});

describe('bytes that are read back cost one byte more', () => {
  const RIVAL = { kind: 'rival', bytes: utf8('other\n'), when: 'before', ...OF_THE_PAGE } as const;

  test.each<[string, PageOptions, string[]]>([
    ['where CORS hides the Content-Encoding', {}, ['GET bytes=5-9', 'GET bytes=5-5']],
    ['but not where it is visible', { exposed: ['content-encoding'] }, ['GET bytes=5-9']],
  ])('%s', async (_, visible, reads) => {
    const page = new Page({ ...visible, faults: [RIVAL] });
    await page.store('line\n');
    await page.run(page.object({ shared: true }).append('mine\n'));
    expect(page.asked).toEqual(['HEAD', 'POST', 'HEAD', ...reads, 'POST']);
    expect(page.stored).toBe('line\nother\nmine\n');
  });
});
