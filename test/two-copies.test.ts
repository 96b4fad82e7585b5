/**
 * Two copies of the library in one program, as a bundler or two versions in node_modules make them. `instanceof` knows the
 * classes of one copy only; an error's `name`, `code` and facts are data and the same in both.
 */
import { build } from 'esbuild';
import { beforeAll, expect, test } from 'vitest';
import * as ours from '../src/index.ts';
import { LocalOss } from '../src/testing/index.ts';

let theirs: typeof ours;

beforeAll(async () => {
  const entryPoints = [new URL('../src/index.ts', import.meta.url).pathname];
  // Minified: classes are renamed, and the names of errors are not.
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

test.each(CALLS)('%s (%s) of another copy is known by its name and code', async (name, code, call, faults = []) => {
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

/** All that an error carries beside its texts; request ids differ. */
function facts(error: ours.OssError): object {
  const { requestId: _, ...rest } = { requestId: undefined, ...error, cause: undefined };
  return rest;
}
