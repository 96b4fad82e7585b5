/** Runs the examples of docs/uppy.md with the real Uppy, with FilePond's contract, and with the real React. */
import { Window } from 'happy-dom';
import { act, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { beforeAll, expect, test, vi } from 'vitest';
import type { OssClient as AnyOssClient, AppendClient } from '../../src/index.ts';
import type { LocalOss } from '../../src/testing/index.ts';
import { bucket, exampleNamed, run, text } from '../package/examples.ts';
import type { TestUppy } from './world.ts';

/** Adds a document, but keeps the `fetch`, `Blob` and `URL` of Node, because LocalOss and the tools use these. */
beforeAll(() => {
  const page = new Window({ url: 'https://app.example.com/' });
  for (const name of Object.getOwnPropertyNames(page).filter((name) => !(name in globalThis)))
    Object.defineProperty(globalThis, name, { value: Reflect.get(page, name), configurable: true, writable: true });
});

const example = (part: string) => exampleNamed(part, 'docs-uppy-md');

test('the page with the Dashboard stores a file under a key of its own', async () => {
  const oss = bucket();
  document.body.innerHTML = '<div id="uploads"></div>';
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const { uppy } = (await run(example('GoldenRetriever'), { oss })) as { uppy: TestUppy };
  uppy.addFile({ name: 'a.txt', data: new Blob(['some content']) });
  await uppy.upload();
  const { key } = uppy.getFiles()[0]?.response?.body ?? {};
  expect(key).toMatch(/^inbox\/u1\/[\da-f-]{36}\/a\.txt$/);
  expect(text(oss, 'my-uploads', String(key))).toBe('some content');
  expect(lines).toEqual([expect.stringMatching(/^a\.txt: 12 bytes in inbox\/.*a\.txt, CRC-64 \d+$/)]);
  uppy.destroy();
});

/** A client of the library that the example was bundled with, because the classes of another copy would not be known. */
function clientOf(oss: LocalOss, library: unknown): AppendClient {
  const { OssClient } = library as { OssClient: typeof AnyOssClient };
  return new OssClient({
    region: 'cn-hangzhou',
    bucket: 'my-uploads',
    credentials: oss.issueToken(),
    fetch: oss.fetch,
  });
}

type Process = (...given: unknown[]) => { abort: () => void };

test('FilePond: a file is stored with progress, an abort is reported, and the file then goes on', async () => {
  const oss = bucket();
  const { appendTo, library } = await run(example("from 'filepond'"), { oss });
  const process = (appendTo as (client: AppendClient, prefix: string) => Process)(clientOf(oss, library), 'inbox/');
  const file = new File(['some content'], 'a.txt');
  const calls: unknown[][] = [];
  const told =
    (name: string) =>
    (...given: unknown[]) =>
      void calls.push([name, ...given]);
  const stored = (name: string) =>
    new Promise<string>((resolve) => {
      process('file', new File([file], name), {}, resolve, told('error'), told('progress'), told('abort'));
    });
  expect(await stored('a.txt')).toBe('inbox/a.txt');
  expect(text(oss, 'my-uploads', 'inbox/a.txt')).toBe('some content');
  expect(calls.at(-1)).toEqual(['progress', true, 12, 12]);

  const { abort } = process(
    'file',
    new File([file], 'b.txt'),
    {},
    told('load'),
    told('error'),
    () => {},
    told('abort'),
  );
  abort();
  expect(calls.at(-1)).toEqual(['abort']);
  expect(await stored('b.txt')).toBe('inbox/b.txt');

  const failed = new Promise((resolve) => process('file', file, {}, told('load'), resolve, () => {}, told('abort')));
  oss.appendObject('my-uploads', 'inbox/a.txt', new TextEncoder().encode(' and more'));
  expect(await failed).toMatch(/^AppendConflictError: Cannot resume "inbox\/a\.txt"/);
});

interface Hook {
  readonly loaded: number;
  readonly tail?: { readonly position: number };
  readonly error?: unknown;
  readonly upload: (file: Blob) => Promise<void>;
  readonly pause: () => void;
}

test('React: the hook shows the progress, pauses, goes on, shows an error, and stops with its component', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  const oss = bucket();
  const { useAppend, library } = await run(example("from 'react'"), { oss, external: ['react'] });
  const client = clientOf(oss, library);
  let hook: Hook | undefined;
  const Component = () => {
    hook = (useAppend as (client: AppendClient, key: string) => Hook)(client, 'inbox/a.txt');
    return null;
  };
  const root = createRoot(document.createElement('div'));
  await act(async () => root.render(createElement(Component)));
  await act(async () => {
    const paused = hook?.upload(new Blob(['some content']));
    hook?.pause();
    await paused;
  });
  expect([hook?.tail, hook?.error]).toEqual([undefined, undefined]);
  await act(async () => hook?.upload(new Blob(['some content'])));
  expect(hook).toMatchObject({ loaded: 12, tail: { position: 12 } });
  expect(text(oss, 'my-uploads', 'inbox/a.txt')).toBe('some content');
  await act(async () => hook?.upload(new Blob(['other bytes!'])));
  expect(String(hook?.error)).toMatch(/ChecksumError/);

  const requests = oss.requests.length;
  const stopped = hook?.upload(new Blob(['some content and more']));
  await act(async () => root.unmount());
  await stopped;
  expect(text(oss, 'my-uploads', 'inbox/a.txt')).toBe('some content');
  expect(oss.requests.length - requests).toBeLessThanOrEqual(1);
});
