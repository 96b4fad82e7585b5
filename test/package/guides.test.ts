/** Runs the code of the guides in docs against LocalOss, with the faults of which they tell. */
import { expect, test, vi } from 'vitest';
import type { AppendableObject } from '../../src/index.ts';
import { LocalOss } from '../../src/testing/index.ts';
import { exampleNamed, run, text } from './examples.ts';

test('docs/how-it-works.md: a text is stored once though its answer is lost and nobody answers for a while', async () => {
  let isUp = true;
  const oss = new LocalOss({
    buckets: { 'my-uploads': { region: 'cn-hangzhou' } },
    faults: ({ operation, nth }) => {
      if (operation === 'AppendObject' && nth === 1) isUp = false;
      return isUp ? undefined : { kind: operation === 'AppendObject' && nth === 1 ? 'drop-after' : 'drop-before' };
    },
  });
  const { appendAll, library } = await run(exampleNamed('appendAll', 'docs-how-it-works'), { oss });
  const { AppendableObject, OssClient } = library as typeof import('../../src/index.ts');
  const settings = { region: 'cn-hangzhou', bucket: 'my-uploads', credentials: oss.issueToken(), fetch: oss.fetch };
  const object = new AppendableObject(new OssClient(settings), 'a.log');
  const online = vi.fn(async () => {
    isUp = true;
  });
  const append = appendAll as (object: AppendableObject, text: string, online: () => Promise<void>) => Promise<void>;
  await append(object, 'exactly once\n', online);
  expect([text(oss, 'my-uploads', 'a.log'), online.mock.calls.length]).toEqual(['exactly once\n', 1]);
});
