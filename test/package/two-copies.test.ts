/**
 * Tests two copies of the library in one program. A bundler or two versions in node_modules can cause this.
 * `instanceof` works only with the classes of the same copy. But `name`, `code` and the other properties of an error
 * are plain data, which is equal in both copies.
 */
import { build } from 'esbuild';
import { beforeAll, expect, test } from 'vitest';
import * as ours from '../../src/index.ts';
import { LocalOss } from '../../src/testing/index.ts';

let theirs: typeof ours;

beforeAll(async () => {
  const entryPoints = [new URL('../../src/index.ts', import.meta.url).pathname];
  // Minifying renames the classes, but it must not change the `name` of an error.
  const options = { entryPoints, bundle: true, format: 'esm', minify: true, target: 'es2022', write: false } as const;
  const { outputFiles } = await build(options);
  theirs = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`);
});

type Call = (library: typeof ours, client: ours.OssClient) => Promise<unknown>;

const rival = { operation: 'AppendObject', kind: 'rival', same: true, when: 'before' } as const;
const lost = { operation: 'AppendObject', kind: 'drop-after', times: 99 } as const;
const flip = { operation: 'AppendObject', kind: 'flip-bit', at: 0 } as const;

const gone = new Error('the endpoint is gone');

async function* broken(): AsyncGenerator<string, void, void> {
  yield 'a';
  throw new Error('no more');
}

const CALLS: readonly [
  name: string,
  code: string,
  call: Call,
  faults?: ConstructorParameters<typeof LocalOss>[0]['faults'],
][] = [
  ['ServiceError', 'NoSuchKey', (_, client) => client.headObject('absent')],
  ['TransportError', 'NetworkError', (_, client) => client.appendObject('a', 'x', { position: 0 }), [lost]],
  ['AppendConflictError', 'AppendConflict', (library, client) => library.append(client, 'a', 'x'), [rival]],
  ['ChecksumError', 'ChecksumMismatch', (library, client) => library.append(client, 'a', 'x'), [flip]],
  ['SourceError', 'SourceError', (library, client) => library.append(client, 'a', broken())],
  [
    'CredentialsError',
    'CredentialsLoadFailed',
    (library) => library.refreshingCredentials(() => Promise.reject(gone))(),
  ],
];

test.each(CALLS)('%s (%s) of another copy has the same name and code', async (name, code, call, faults = []) => {
  const failures = await Promise.all(
    [ours, theirs].map(async (library) => {
      const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } }, faults });
      const options = { region: 'cn-hangzhou', bucket: 'logs', credentials: oss.issueToken(), fetch: oss.fetch };
      const client = new library.OssClient({ ...options, retry: { maxAttempts: 2, baseDelay: 0 } });
      return call(library, client).then(undefined, (error: ours.OssError) => error);
    }),
  );
  const [mine, other] = failures as [ours.OssError, ours.OssError];
  expect([mine instanceof ours.OssError, other instanceof ours.OssError]).toEqual([true, false]);
  expect(other).toBeInstanceOf(Error);
  expect(other).toMatchObject({ name, code });
  expect(facts(other)).toEqual(facts(mine));
});

/** Returns the properties of an error without its texts, its cause and its request id. The ids of two errors differ. */
function facts(error: ours.OssError): object {
  const { requestId: _, ...rest } = { requestId: undefined, ...error, cause: undefined };
  return rest;
}
