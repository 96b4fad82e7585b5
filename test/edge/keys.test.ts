/**
 * Tests which keys the edge accepts: every route accepts the names of real files, and refuses names that lead
 * elsewhere.
 */
import { describe, expect, test } from 'vitest';
import { BUCKET, EDGE, edgeOf, jsonRequest, makeCloud, tailRequest, uploadRequest } from './world.ts';

const PREFIX = 'inbox/u1/';

/** Makes one request of every kind that names a key. A path cannot contain half of a surrogate pair. */
function requests(key: unknown): Request[] {
  const json = [
    jsonRequest('/grant', { operation: 'appendObject', key, position: 0, size: 1 }),
    jsonRequest('/grant', { operation: 'headObject', key }),
    jsonRequest('/grant', { operation: 'getObject', key, range: { start: 0, end: 0 } }),
    jsonRequest('/grants', { key, position: 0, segmentSize: 1, count: 1 }),
  ];
  if (typeof key !== 'string' || /[\ud800-\udfff]/u.test(key)) return json;
  return [...json, uploadRequest('x', { key }), tailRequest(key)];
}

/** Returns the status, the code and the message of each route's answer to a key. */
async function answers(key: unknown) {
  const { oss } = makeCloud();
  const edge = edgeOf(oss);
  const found = [];
  for (const request of requests(key)) {
    const response = await edge(request);
    const { error, message } = await response.json();
    found.push({ status: response.status, error, message });
  }
  return { oss, found };
}

describe('a file', () => {
  test.each([
    '50% off.pdf',
    '进度100％.docx',
    '100%',
    '%',
    '%%',
    '%zz',
    '5 %ff.txt',
    'report%20final (1).pdf',
    'a%2Fb.pdf',
    'a+b&c=d#e?f.txt',
    'it’s "quoted" <b> | *.txt',
    ' leading and trailing ',
    '日本語／英語.txt',
    '＼(^o^)／.gif',
    'naïve.txt',
    'nai\u0308ve.txt',
    'Ｆｕｌｌ　ｗｉｄｔｈ.txt',
    'ﬁle…',
    '½ ℅ №.txt',
    '👩‍🚀 and 🏴󠁧󠁢󠁥󠁮󠁧󠁿.png',
    '\u{1d49c}.txt',
    'קובץ.txt',
    '\u200eWhatsApp صوت\u200f.opus',
    'می\u200cخواهم.txt',
    'Screenshot 9.41\u202fAM.png',
    '\uf8ff.key',
    '...',
    '..a',
    'a..',
    '. .',
    '.gitignore',
    '~',
    'a/b/c.txt',
    'CON',
    '__proto__',
  ])('can have the name %j', async (name) => {
    const { oss, found } = await answers(PREFIX + name);
    expect(found.map(({ status }) => status)).toEqual(found.map(() => 200));
    expect(oss.object(BUCKET, PREFIX + name)?.length).toBe(1);
  });

  test.each([
    ['x', 1023 - PREFIX.length, 200],
    ['x', 1024 - PREFIX.length, 400],
    ['字', 338, 200],
    ['字', 339, 400],
  ])(
    'OSS limits the bytes of a key and not its characters: %s, repeated %i times, is answered with %i',
    async (letter, times, status) => {
      const { found } = await answers(PREFIX + letter.repeat(times));
      expect(found.map((answer) => answer.status)).toEqual(found.map(() => status));
      if (status === 400) expect(found[0]?.message).toMatch(/has 102[46] bytes of UTF-8, and OSS takes 1023/);
    },
  );

  test('one name in two Unicode forms is two objects, like in OSS', async () => {
    const { oss } = makeCloud();
    const edge = edgeOf(oss);
    for (const form of ['NFC', 'NFD'] as const) await edge(uploadRequest(form, { key: `${PREFIX}é`.normalize(form) }));
    const stored = ['NFC', 'NFD'].map((form) => oss.object(BUCKET, `${PREFIX}é`.normalize(form))?.length);
    expect(stored).toEqual([3, 3]);
  });
});

const DOTS = /"\." or "\.\."/;
const SLASHES = /between two slashes/;
const CONTROL = /control character/;
const REVERSES = /reverses text/;

describe('every route refuses', () => {
  test.each<[key: string, reason: RegExp]>([
    [PREFIX, /names nothing/],
    [`${PREFIX}..`, DOTS],
    [`${PREFIX}.`, DOTS],
    [`${PREFIX}../u2/a`, DOTS],
    [`${PREFIX}a/../../u2/b`, DOTS],
    [`${PREFIX}./a`, DOTS],
    [`${PREFIX}．．/u2/a`, DOTS],
    [`${PREFIX}．．／u2／a`, DOTS],
    [`${PREFIX}‥/u2`, DOTS],
    [`${PREFIX}a/．`, DOTS],
    [`${PREFIX}..＼u2`, DOTS],
    [`${PREFIX}%2e%2e/u2`, DOTS],
    [`${PREFIX}%2E./u2`, DOTS],
    [`${PREFIX}..%2fu2`, DOTS],
    [`${PREFIX}..%5cu2`, DOTS],
    [`${PREFIX}%252e%252e%252fu2`, DOTS],
    [`${PREFIX}%25252e%25252e%25252fu2`, DOTS],
    [`${PREFIX}％2e％2e/u2`, DOTS],
    [`${PREFIX}%ef%bc%8e%ef%bc%8e/u2`, DOTS],
    [`${PREFIX}%2e%2e%2f%ff`, DOTS],
    [`${PREFIX}/a`, SLASHES],
    [`${PREFIX}a//b`, SLASHES],
    [`${PREFIX}a/`, SLASHES],
    [`${PREFIX}..\\u2`, /backslash/],
    [`${PREFIX}a\\b`, /backslash/],
    [`${PREFIX}a\u0000b`, CONTROL],
    [`${PREFIX}a\nb`, CONTROL],
    [`${PREFIX}a\u007f`, CONTROL],
    [`${PREFIX}a\u0085b`, CONTROL],
    [`${PREFIX}a\u2028b`, CONTROL],
    [`${PREFIX}a%00.pdf`, CONTROL],
    [`${PREFIX}a%0d%0ab`, CONTROL],
    [`${PREFIX}a%2500`, CONTROL],
    [`${PREFIX}\u202egnp.exe`, REVERSES],
    [`${PREFIX}\u2066a`, REVERSES],
    [`${PREFIX}%e2%80%aegnp.exe`, REVERSES],
    [`${PREFIX}\ud800`, /surrogate/],
    [`${PREFIX}\udc00a`, /surrogate/],
  ])('the key %j with the true reason', async (key, reason) => {
    const { oss, found } = await answers(key);
    expect(found.map(({ status, error }) => [status, error])).toEqual(found.map(() => [400, 'UnusableKey']));
    for (const { message } of found) {
      expect(message).toMatch(reason);
      // A message with the key would bring its deceptive characters into a log.
      expect(message).not.toContain(key);
    }
    expect(oss.requests).toEqual([]);
  });

  test.each([
    'inbox/u2/a',
    'inbox/u10/a',
    'inbox/u1',
    'inbox/',
    'a',
    '',
    '/inbox/u1/a',
    'INBOX/u1/a',
    ' inbox/u1/a',
    'inbox%2Fu1%2Fa',
    'inbox/u1%2Fa',
    'ｉnbox/u1/a',
    '../inbox/u1/a',
  ])('the key %j because it is not below the prefix', async (key) => {
    const { oss, found } = await answers(key);
    expect(found).toEqual(
      found.map(() => ({ status: 403, error: 'ForbiddenKey', message: 'The key does not begin with your prefix' })),
    );
    expect(oss.requests).toEqual([]);
  });

  test.each([[undefined], [null], [42], [true], [{}], [['inbox/u1/a']]])(
    'the key %j because it is not a string',
    async (key) => {
      const { found } = await answers(key);
      expect(found.map(({ status, message }) => [status, message])).toEqual(
        found.map(() => [400, 'key must be a string']),
      );
    },
  );
});

describe('a key in a path', () => {
  const send = async (path: string) => {
    const { oss } = makeCloud();
    const response = await edgeOf(oss)(new Request(EDGE + path, { method: 'POST', body: 'x' }));
    return { oss, status: response.status, ...(await response.json()) };
  };

  test.each<[path: string, key: string]>([
    ['/upload/inbox/u1/a.txt', 'inbox/u1/a.txt'],
    ['/upload/inbox%2Fu1%2Fa.txt', 'inbox/u1/a.txt'],
    ['/upload/inbox/u1/50%25%20off.pdf', 'inbox/u1/50% off.pdf'],
    ['/upload/inbox/u1/%E8%BF%9B%E5%BA%A6100%EF%BC%85.docx', 'inbox/u1/进度100％.docx'],
    ['/upload/inbox/u1/a+b', 'inbox/u1/a+b'],
    // A key that is encoded twice is another name, and keeps that name.
    ['/upload/inbox/u1/a%252Fb', 'inbox/u1/a%2Fb'],
  ])('is decoded once: %s', async (path, key) => {
    const { oss, status } = await send(path);
    expect(status).toBe(200);
    expect(oss.object(BUCKET, key)?.length).toBe(1);
  });

  test.each<[path: string, status: number, message: RegExp]>([
    ['/upload/inbox%252Fu1%252Fa', 403, /does not begin with your prefix/],
    ['/upload/inbox%2Fu1%2F%252e%252e%252fu2', 400, DOTS],
    ['/upload/inbox%2Fu1%2F..%2Fu2%2Fa', 400, DOTS],
    ['/upload/inbox/u1/50%', 400, /encodeURIComponent/],
    ['/upload/inbox/u1/%ff', 400, /encodeURIComponent/],
    ['/upload/inbox/u1/%ed%a0%80', 400, /encodeURIComponent/],
    ['/upload/', 403, /does not begin with your prefix/],
    // URLs resolve dots, and also encoded dots. The rest of the path is another route or another key.
    ['/upload/inbox/u1/../../../token', 500, /Something went wrong here/],
    ['/upload/inbox/u1/%2e%2e/u2/a', 403, /does not begin with your prefix/],
  ])('%s is answered with %i', async (path, status, message) => {
    const found = await send(path);
    expect([found.status, found.message]).toEqual([status, expect.stringMatching(message)]);
    expect(found.oss.requests).toEqual([]);
  });
});
