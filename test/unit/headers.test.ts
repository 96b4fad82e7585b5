/** The headers that describe an object: names, limits and character sets. */
import { describe, expect, test } from 'vitest';
import {
  appendHeaders,
  laterOptions,
  type ObjectOptions,
  type ObjectProperties,
  objectHeaders,
} from '../../src/request/headers.ts';

/** Returns all headers as they are sent. */
function headersOf({ contentType, headers, ...properties }: ObjectOptions & ObjectProperties): Record<string, string> {
  return { ...objectHeaders(properties), ...appendHeaders({ contentType, headers }) };
}

describe('options become headers', () => {
  test.each<[ObjectOptions & ObjectProperties, Record<string, string>]>([
    [{}, {}],
    [{ contentType: 'text/plain; charset=utf-8' }, { 'content-type': 'text/plain; charset=utf-8' }],
    [{ contentType: null }, {}],
    [{ contentType: '' }, {}],
    [{ expires: new Date(Date.UTC(2026, 0, 2)) }, { expires: 'Fri, 02 Jan 2026 00:00:00 GMT' }],
    [{ expires: '0' }, { expires: '0' }],
    [{ acl: 'public-read' }, { 'x-oss-object-acl': 'public-read' }],
    [{ metadata: { Author: 'me', 'run-2': ' a b ' } }, { 'x-oss-meta-author': 'me', 'x-oss-meta-run-2': 'a b' }],
    [
      { tagging: { env: 'prod', 'a+b': 'c/d e:f', empty: '' } },
      { 'x-oss-tagging': 'env=prod&a%2Bb=c%2Fd%20e%3Af&empty=' },
    ],
    [{ tagging: {} }, {}],
    [
      {
        headers: {
          'Cache-Control': ' no-cache ',
          'X-Oss-Storage-Class': 'IA',
          'Content-MD5': '1B2M2Y8AsgTpgAmY7PhCfg==',
        },
      },
      { 'cache-control': 'no-cache', 'x-oss-storage-class': 'IA', 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' },
    ],
    [
      {
        headers: {
          'Content-Disposition': 'attachment',
          'Content-Encoding': 'gzip',
          'x-oss-server-side-encryption': 'KMS',
          'x-oss-server-side-data-encryption': 'SM4',
          'x-oss-forbid-overwrite': 'true',
          'x-oss-traffic-limit': '819200',
          'x-oss-request-payer': 'requester',
        },
      },
      {
        'content-disposition': 'attachment',
        'content-encoding': 'gzip',
        'x-oss-server-side-encryption': 'KMS',
        'x-oss-server-side-data-encryption': 'SM4',
        'x-oss-forbid-overwrite': 'true',
        'x-oss-traffic-limit': '819200',
        'x-oss-request-payer': 'requester',
      },
    ],
  ])('%o', (options, expected) => expect(headersOf(options)).toEqual(expected));

  test('the default type is used if no type is given, and not if null is given', () => {
    expect(appendHeaders({}, 'video/webm')).toEqual({ 'content-type': 'video/webm' });
    expect(appendHeaders({ contentType: 'a/b' }, 'video/webm')).toEqual({ 'content-type': 'a/b' });
    expect(appendHeaders({ contentType: null }, 'video/webm')).toEqual({});
  });

  test('the options are not changed', () => {
    const options = Object.freeze({ headers: Object.freeze({ A: 'b' }) });
    appendHeaders(options);
    expect(options).toEqual({ headers: { A: 'b' } });
  });
});

describe('the limits', () => {
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, 'v']));
  test.each<[string, ObjectProperties, ObjectProperties, RegExp]>([
    ['10 tags', { tagging: tags(10) }, { tagging: tags(11) }, /tagging must be 10 tags at most, not 11/],
    [
      'a tag key of 128 characters',
      { tagging: { ['k'.repeat(128)]: 'v' } },
      { tagging: { ['k'.repeat(129)]: 'v' } },
      /the length must be 1 to 128 characters, not 129/,
    ],
    [
      'a tag key of 1 character',
      { tagging: { k: 'v' } },
      { tagging: { '': 'v' } },
      /the length must be 1 to 128 characters, not 0/,
    ],
    [
      'a tag value of 256 characters',
      { tagging: { k: 'v'.repeat(256) } },
      { tagging: { k: 'v'.repeat(257) } },
      /the length must be 0 to 256 characters, not 257/,
    ],
    [
      '8,192 bytes of metadata, with the whole name of its header',
      { metadata: { a: 'v'.repeat(8180) } },
      { metadata: { a: 'v'.repeat(8181) } },
      /metadata must be 8192 bytes at most, not 8193/,
    ],
    [
      '8,192 bytes in total',
      { metadata: { a: 'v'.repeat(4084), b: 'v'.repeat(4084) } },
      { metadata: { a: 'v'.repeat(4084), bc: 'v'.repeat(4084) } },
      /metadata must be 8192 bytes at most, not 8193/,
    ],
  ])('%s: this is accepted, and a value beyond the limit is refused', (_, good, bad, message) => {
    expect(() => objectHeaders(good)).not.toThrow();
    expect(() => objectHeaders(bad)).toThrow(RangeError);
    expect(() => objectHeaders(bad)).toThrow(message);
  });
});

describe('a value that would become another header or other bytes is refused', () => {
  const BAD_VALUES = ['a\nb', 'a\rb', 'a\r\nX-Evil: 1', 'a\0b', 'tab\tbed', 'naïve', '日志', '   '];
  const PLACES: [string, (value: string) => ObjectOptions & ObjectProperties][] = [
    ['contentType', (contentType) => ({ contentType: contentType || ' ' })],
    ['expires', (expires) => ({ expires })],
    ['metadata["a"]', (a) => ({ metadata: { a } })],
    ['headers["Cache-Control"]', (value) => ({ headers: { 'Cache-Control': value } })],
  ];
  test('the error names an empty value', () => {
    expect(() => objectHeaders({ metadata: { a: '' } })).toThrow('metadata["a"] must not be empty');
    expect(() => headersOf({ headers: { 'Cache-Control': '' } })).toThrow('headers["Cache-Control"] must not be empty');
  });

  test('the error explains how to write a file name beyond ASCII', () => {
    const headers = { 'Content-Disposition': 'attachment; filename="报告.pdf"' };
    expect(() => headersOf({ headers })).toThrow("filename*=UTF-8''");
  });

  test.each<[string, string[], string[]]>([
    ['content-md5', ['1B2M2Y8AsgTpgAmY7PhCfg=='], ['abc==', 'd41d8cd98f00b204e9800998ecf8427e']],
    ['x-oss-forbid-overwrite', ['true', 'false'], ['yes', 'TRUE']],
    ['x-oss-object-acl', ['private', 'public-read'], ['public', 'Private']],
    ['x-oss-request-payer', ['requester'], ['me', 'Requester']],
    ['x-oss-server-side-encryption', ['AES256', 'KMS', 'SM4'], ['aes256', 'RSA']],
    ['x-oss-server-side-data-encryption', ['SM4'], ['AES256']],
    ['x-oss-server-side-encryption-key-id', [], ['9468da86-3509-4f8d-a61e-6eab1eac']],
    ['x-oss-storage-class', ['Standard', 'IA', 'Archive'], ['ColdArchive', 'DeepColdArchive', 'standard']],
    [
      'x-oss-traffic-limit',
      ['819200', '838860800'],
      ['819199', '838860801', '1e6', '8e5', '900000.5', '0xfffff', '-1', ''],
    ],
    ['if-match', [], ['"etag"']],
    ['if-none-match', [], ['*']],
    ['if-modified-since', [], ['Fri, 02 Jan 2026 12:00:00 GMT']],
  ])('%s: the values that OSS accepts on an append are accepted, and no others', (name, good, bad) => {
    for (const value of good) expect(headersOf({ headers: { [name]: value } })).toEqual({ [name]: value });
    for (const value of bad) expect(() => headersOf({ headers: { [name]: value } })).toThrow(TypeError);
  });

  test('metadata may have any name, such as key-id or limit', () => {
    const headers = objectHeaders({ metadata: { 'key-id': '5', 'traffic-limit': '5' } });
    expect(headersOf({ headers })).toEqual(headers);
  });

  test.each(['ключ', '标签', 'naïve', 'a,b', 'a&b'])('a tag of %j is refused, because OSS refuses it', (text) => {
    expect(() => objectHeaders({ tagging: { [text]: 'v' } })).toThrow(TypeError);
    expect(() => objectHeaders({ tagging: { k: text } })).toThrow(TypeError);
  });

  test.each(PLACES)('a bad value in %s is refused', (name, place) => {
    for (const value of BAD_VALUES) {
      expect(() => headersOf(place(value))).toThrow(TypeError);
      expect(() => headersOf(place(value))).toThrow(`${name} must be a string of visible ASCII`);
    }
  });

  test.each<[string, object, RegExp]>([
    ['a line break in a name', { headers: { 'a\nb': 'c' } }, /"a\nb" is not a header name/],
    ['a space in a name', { headers: { 'a b': 'c' } }, /is not a header name/],
    ['an empty name', { headers: { '': 'c' } }, /is not a header name/],
    ['a name twice', { headers: { A: 'b', a: 'c' } }, /headers\["a"\] is given twice/],
    ['metadata twice', { metadata: { A: 'b', a: 'c' } }, /metadata\["a"\] is given twice/],
    [
      'an underscore in a metadata name',
      { metadata: { under_score: 'c' } },
      /"under_score" may hold letters, digits and hyphens/,
    ],
    ['a metadata name with a colon', { metadata: { 'a: b\r\nc': 'd' } }, /may hold letters, digits and hyphens/],
    ['an ampersand in a tag key', { tagging: { 'a&b': 'c' } }, /tagging: "a&b" may hold/],
    ['a line break in a tag value', { tagging: { a: 'b\nc' } }, /tagging: "b\\nc" may hold/],
    ['an unknown ACL', { acl: 'public' }, /acl must be default\|private\|public-read\|public-read-write, not public/],
    ['an invalid Date', { expires: new Date(Number.NaN) }, /expires must be a valid Date/],
    ['a number as contentType', { contentType: 5 }, /contentType must be a string/],
    ['a number as header', { headers: { a: 5 } }, /headers\["a"\] must be a string/],
    ['a list of headers', { headers: [['a', 'b']] }, /headers must be an object of strings/],
    ['a text of headers', { headers: 'a: b' }, /headers must be an object of strings/],
    ['metadata that is null', { metadata: null }, /metadata must be an object of strings/],
    ['tagging that is null', { tagging: null }, /tagging must be an object of strings/],
  ])('%s is refused', (_, options, message) => {
    expect(() => headersOf(options as ObjectOptions)).toThrow(TypeError);
    expect(() => headersOf(options as ObjectOptions)).toThrow(message);
  });

  test.each([
    ['Content-Type', /content-type is set by the client \(the type by contentType\)/],
    ['Authorization', /authorization is set by the client/],
    ['Content-Length', /content-length is set by the client/],
    ['Transfer-Encoding', /is set by the client/],
    ['Host', /is set by the client/],
    ['Date', /is set by the client/],
    ['Range', /is set by the client/],
    ['x-oss-date', /is set by the client/],
    ['x-oss-content-sha256', /is set by the client/],
    ['x-oss-security-token', /is set by the client/],
    ['x-oss-signature', /is set by the client/],
    ['x-oss-signature-version', /is set by the client/],
  ])('the header %s is refused, and the error says how it is set', (name, message) => {
    expect(() => appendHeaders({ headers: { [name]: 'a' } })).toThrow(TypeError);
    expect(() => appendHeaders({ headers: { [name]: 'a' } })).toThrow(message);
  });
});

test('after the first append, only the headers that apply to each request remain', () => {
  const properties = objectHeaders({ acl: 'private', metadata: { a: 'b' }, tagging: { a: 'b' }, expires: '0' });
  const headers = {
    ...properties,
    'Cache-Control': 'a',
    'X-Oss-Traffic-Limit': '819200',
    'x-oss-request-payer': 'requester',
  };
  const later = appendHeaders(laterOptions({ contentType: 'a/b', headers }), 'video/webm');
  expect(later).toEqual({ 'x-oss-traffic-limit': '819200', 'x-oss-request-payer': 'requester' });
});
