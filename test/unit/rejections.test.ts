/**
 * A function that returns a promise reports every failure in that promise. It never throws at the call, whatever it is given,
 * because a caller who writes `.catch()` would miss that. The list of these functions comes from the report of the public API.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { diagnose } from '../../src/doctor/index.ts';
import { createEdge, PageGrants } from '../../src/edge/index.ts';
import {
  AppendableObject,
  append,
  credentialsFromUrl,
  OssClient,
  PresignedClient,
  refreshingCredentials,
} from '../../src/index.ts';
import { IndexedDbJournal, LogAppender, recordTo } from '../../src/log/index.ts';
import { assumeRole } from '../../src/sts.ts';
import { LocalOss, LocalSts } from '../../src/testing/index.ts';
import { serveLocalOss } from '../../src/testing/node/index.ts';
import { xhrFetch } from '../../src/xhr.ts';

const FILE = new URL('../api/oss-append.api.txt', import.meta.url);
/** Methods of interfaces that the caller implements, and settings: the library does not provide these functions. */
const GIVEN = /^(interface|type (Allows|CredentialsProvider|Fetch|Presign)\b)/;

/** The names of all functions that return a promise: methods as `Class.name`, and types as they are. */
function listed(report: string): string[] {
  const declarations = report.split(/\n\n(?=\w)/).filter((text) => !GIVEN.test(text));
  return declarations.flatMap((text) => {
    const [, kind, name = ''] = /^(?:abstract )?(class|function|type) (\w+)/.exec(text) ?? [];
    if (kind !== 'class') return /\)(: | => )Promise</.test(text) ? [name] : [];
    const members = text.matchAll(/^ {4}(?:readonly )?(\w+)(?:\(.*\): |: \(.*\) => |: )(Promise<|Presign;)/gm);
    return [...members].map(([, member]) => `${name}.${member}`);
  });
}

const fetch = async (): Promise<Response> => new Response(null, { status: 404 });
const credentials = { accessKeyId: 'STS.id', accessKeySecret: 'secret', securityToken: 'token' };
const bucket = { region: 'cn-hangzhou', bucket: 'logs', retry: { maxAttempts: 1 } };
const client = new OssClient({ ...bucket, credentials, fetch });
const presigned = new PresignedClient({ presign: () => 'https://example.com/', retry: { maxAttempts: 1 }, fetch });
const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } } });
const sts = new LocalSts({ oss, accessKeys: {}, roles: {} });
const edge = createEdge({
  oss: { ...bucket, fetch },
  credentials,
  authenticate: () => 'u1',
  prefixOf: (user) => `${user}/`,
  origins: [],
});
const object = () => new AppendableObject(client, 'a.log');
const log = () => new LogAppender({ ...bucket, credentials, fetch }, 'a.log');
const grants = new PageGrants('https://edge.example.com', { fetch });

type Call = (...given: never[]) => unknown;

/** A call of each function, and how many arguments it takes. */
const CALLS: Readonly<Record<string, readonly [call: Call, count: number]>> = {
  append: [append, 4],
  assumeRole: [assumeRole, 1],
  diagnose: [diagnose, 3],
  recordTo: [recordTo, 3],
  serveLocalOss: [serveLocalOss, 1],
  xhrFetch: [xhrFetch, 2],
  RefreshingProvider: [refreshingCredentials(() => credentials), 1],
  'RefreshingProvider of a URL': [credentialsFromUrl('https://example.com/sts', { fetch }), 1],
  EdgeHandler: [edge, 2],
  'AppendableObject.open': [(...given: Parameters<AppendableObject['open']>) => object().open(...given), 1],
  'AppendableObject.append': [(...given: Parameters<AppendableObject['append']>) => object().append(...given), 2],
  'AppendableObject.resume': [(...given: Parameters<AppendableObject['resume']>) => object().resume(...given), 2],
  'AppendableObject.settle': [(...given: Parameters<AppendableObject['settle']>) => object().settle(...given), 2],
  'LocalOss.fetch': [oss.fetch, 2],
  'LocalSts.fetch': [sts.fetch, 2],
  'LogJournal.connect': [new IndexedDbJournal('log').connect, 2],
  'IndexedDbJournal.open': [new IndexedDbJournal('log').open, 2],
  'LogAppender.flush': [(...given: Parameters<LogAppender['flush']>) => log().flush(...given), 1],
  'LogAppender.close': [(...given: Parameters<LogAppender['close']>) => log().close(...given), 1],
  'PageGrants.presign': [grants.presign, 1],
  'OssClient.appendObject': [client.appendObject.bind(client), 3],
  'OssClient.headObject': [client.headObject.bind(client), 2],
  'OssClient.getObject': [client.getObject.bind(client), 2],
  'OssClient.presignAppendObject': [client.presignAppendObject.bind(client), 2],
  'OssClient.presignHeadObject': [client.presignHeadObject.bind(client), 2],
  'OssClient.presignGetObject': [client.presignGetObject.bind(client), 2],
  'OssClient.sealAppendObject': [client.sealAppendObject.bind(client), 2],
  'OssClient.presignSealAppendObject': [client.presignSealAppendObject.bind(client), 2],
  'PresignedClient.appendObject': [presigned.appendObject.bind(presigned), 3],
  'PresignedClient.headObject': [presigned.headObject.bind(presigned), 2],
  'PresignedClient.getObject': [presigned.getObject.bind(presigned), 2],
  'PresignedClient.sealAppendObject': [presigned.sealAppendObject.bind(presigned), 2],
  'AppendableObject.seal': [(...given: Parameters<AppendableObject['seal']>) => object().seal(...given), 1],
};

const HOSTILE: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  NaN: Number.NaN,
  'a negative number': -1,
  'an empty text': '',
  'half of a character': '\ud800',
  'a symbol': Symbol('wrong'),
  'a bigint': 10n,
  'an array': [],
  'a function': () => {},
  'a promise': Promise.resolve('later'),
  'an object whose properties throw': new Proxy(
    {},
    {
      get: () => {
        throw new RangeError('a property threw');
      },
    },
  ),
};

test('the table lists every public function that returns a promise', () => {
  const names = listed(readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n'));
  expect(names.length).toBeGreaterThan(20);
  expect(names.sort()).toEqual(
    Object.keys(CALLS)
      .filter((name) => !name.includes(' '))
      .sort(),
  );
});

describe.each(Object.entries(CALLS))('%s', (_, [call, count]) => {
  test.each(Object.entries(HOSTILE))('returns a promise and does not throw if every argument is %s', (_, value) => {
    const given = Array.from({ length: count }, () => value) as never[];
    // If the call throws, the test fails here.
    const work = call(...given);
    expect(work).toBeInstanceOf(Promise);
    (work as Promise<unknown>).catch(() => {});
  });

  test('returns a promise and does not throw without any argument', () => {
    const work = call();
    expect(work).toBeInstanceOf(Promise);
    (work as Promise<unknown>).catch(() => {});
  });
});
