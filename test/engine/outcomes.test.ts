/** What errors and `settle` say stays true: after a settle that failed, in parts, and with the errors of the caller. */
import { describe, expect, test } from 'vitest';
import { AppendableObject } from '../../src/append/object.ts';
import { AppendConflictError, CredentialsError, type OssError } from '../../src/errors.ts';
import { OssClient } from '../../src/request/client.ts';
import { PresignedClient } from '../../src/request/presigned.ts';
import type { Fault, FaultRequest } from '../../src/testing/faults.ts';
import { LocalOss } from '../../src/testing/local-oss.ts';
import { drive, settle as tasks, VirtualClock } from '../tools/virtual-clock.ts';
import { Lab } from './exactly-once/lab.ts';
import { openUrl } from './exactly-once/open-url.ts';
import { blob, utf8, Weather } from './tools.ts';

const LATE: Fault = { kind: 'commit-late', delay: 600_000 };
const DROP: Fault = { kind: 'drop-before' };
const TOO_LARGE: Fault = { kind: 'refuse', status: 413, code: 'EntityTooLarge' };
const onAppend =
  (fault: Fault) =>
  ({ operation }: FaultRequest) =>
    operation === 'AppendObject' ? fault : undefined;
const HOUR = 3_600_000;

describe('an unknown segment stays unknown when settle or resume fails', () => {
  const twoLost = async () => {
    const weather = new Weather();
    const lab = new Lab({ faults: weather.faults, client: { retry: { maxAttempts: 1 } } });
    await lab.run(lab.object.open());
    weather.set(onAppend(LATE));
    const a = await lab.failure(lab.object.append('AAAA'));
    weather.set(onAppend(DROP));
    const b = await lab.failure(lab.object.append('BBB')); // drops the bytes of A
    return { weather, lab, a, b };
  };
  test('because HEAD failed, and its bytes are stored once', async () => {
    const { weather, lab, a } = await twoLost();
    weather.set(() => DROP);
    expect.soft(await lab.failure(lab.object.settle(a))).toMatchObject({ outcome: 'unknown' });
    weather.clear();
    await lab.run(lab.clock.wait(HOUR)); // A is carried out
    const { loaded } = await lab.run(lab.object.settle(a));
    const rest = 'AAAA'.slice(loaded);
    if (rest) await lab.run(lab.object.append(rest));
    expect(lab.stored).toBe('AAAA');
  });
  test('because another append must be settled first, and our own late segment is recognised', async () => {
    const { weather, lab, a, b } = await twoLost();
    weather.clear();
    expect.soft(await lab.failure(lab.object.settle(a))).toMatchObject({ code: 'Unsettled', outcome: 'unknown' });
    await lab.run(lab.clock.wait(HOUR));
    // "Settle that append first"
    await expect.soft(lab.run(lab.object.settle(b))).resolves.toMatchObject({ loaded: 3 });
    await expect.soft(lab.run(lab.object.settle(a))).resolves.toMatchObject({ loaded: 4 });
    expect(lab.stored).toBe('AAAABBB');
  });
  test('because the second look of a resume failed', async () => {
    let heads = 0;
    const lab = new Lab({
      client: { retry: { maxAttempts: 2 } },
      faults: ({ operation }) => {
        // Another tab resumes the same file, and was first.
        if (operation === 'AppendObject') return { kind: 'rival', bytes: utf8('abcdef'), when: 'before' };
        return operation === 'HeadObject' && ++heads > 2 && heads < 5 ? DROP : undefined;
      },
    });
    const error = await lab.failure(lab.object.resume(blob('abcdefgh')));
    expect(lab.stored).toBe('abcdef');
    expect(error).toMatchObject({ code: 'NetworkError', outcome: 'unknown' });
  });
});

test('settle sends a part that was never sent if the whole segment may still be stored', async () => {
  const weather = new Weather();
  let signs = true;
  const presign = (request: Parameters<typeof openUrl>[0]) => {
    if (!signs && request.operation === 'appendObject') throw new Error('the session has ended');
    return openUrl(request);
  };
  const lab = new Lab({ faults: weather.faults, segmentSize: 8, client: { presign } });
  let sent = 0;
  weather.set(({ operation }) => {
    if (operation !== 'AppendObject') return undefined;
    signs = ++sent < 2;
    return sent === 1 ? LATE : TOO_LARGE;
  });
  const error = await lab.failure(lab.object.append('abcdefgh'));
  expect(error).toMatchObject({ code: 'PresignFailed', outcome: 'unknown' });
  signs = true;
  weather.clear();
  const { loaded } = await lab.run(lab.object.settle(error));
  await lab.run(lab.clock.wait(HOUR)); // the whole segment is carried out, if it still can
  await lab.run(lab.object.append(`${'abcdefgh'.slice(loaded)}ij`));
  expect(lab.stored).toBe('abcdefghij');
});

describe('if a later call with the same abort reason sent nothing, settle counts no bytes of the first call for it', () => {
  test.each([
    ['text', 'BBBB'],
    ['a Blob', blob('BBBB')],
  ])('%s is lost', async (_form, source) => {
    const lab = new Lab({ faults: [{ kind: 'answer-late', delay: 1000, operation: 'AppendObject' }] });
    await lab.run(lab.object.open());
    const controller = new AbortController();
    const { signal } = controller;
    const one = lab.object.append('AAAA', { signal });
    one.catch(() => {});
    await tasks();
    controller.abort(new Error('stop'));
    await lab.failure(one);
    const reason = await lab.failure(lab.object.append(source, { signal }));
    const settled = await lab.run(lab.object.settle(reason)).then(
      ({ loaded }) => loaded,
      () => 'refused',
    );
    expect(settled).not.toBe(4); // four bytes of BBBB are NOT stored
  });
});

describe("an error of the caller's own class keeps its class, and says what is stored", () => {
  class LoginNeeded extends CredentialsError {
    readonly page: string;
    constructor(response: { readonly headers: Headers }) {
      super('Log in first', { code: 'LoginNeeded' });
      this.page = response.headers.get('location') ?? '';
    }
  }
  class Plain extends CredentialsError {
    constructor() {
      super('Log in first', { code: 'LoginNeeded' });
    }
  }
  const refusal = { headers: new Headers({ location: '/login' }) };
  test.each([
    ['whose constructor needs a response', LoginNeeded, () => new LoginNeeded(refusal)],
    ['whose constructor takes nothing', Plain, () => new Plain()],
  ] as const)('%s', async (_what, Class, make) => {
    const clock = new VirtualClock();
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } }, accessKeys: { AKID: 'secret' }, clock });
    let loads = 0;
    const credentials = () => {
      if (++loads > 2) throw make();
      return { accessKeyId: 'AKID', accessKeySecret: 'secret' };
    };
    const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', fetch: oss.fetch, clock, credentials });
    const object = new AppendableObject(client, 'a.log', { segmentSize: 4 });
    const run = <T>(work: Promise<T>) => drive(work, clock, oss);
    const error = await run(object.append(new Blob(['abcdefgh']))).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    loads = 0;
    const { loaded } = await run(object.settle(error));
    expect.soft(error).toBeInstanceOf(Class);
    expect.soft(error).toMatchObject({ loaded: 4, outcome: 'absent', tail: { position: 4 } });
    expect(loaded).toBe(4); // 0 here means: the caller appends 'abcd' twice
  });
});

test('an abort during the HEAD after a lost seal rejects with the reason', async () => {
  const controller = new AbortController();
  let heads = 0;
  const lab = new Lab({
    before: 'ab',
    client: { retry: { maxAttempts: 1 } },
    faults: ({ operation }) => {
      if (operation === 'HeadObject' && ++heads === 2) controller.abort(new Error('stop'));
      return operation === 'SealAppendObject' ? DROP : undefined;
    },
  });
  expect(await lab.failure(lab.object.seal({ signal: controller.signal }))).toBe(controller.signal.reason);
});

test.each([
  ['Cache-Control', 'no-cache'],
  ['Expires', 'Wed, 21 Oct 2026 07:28:00 GMT'],
])('the header %s of a presigned append is sent', async (name, value) => {
  const clock = new VirtualClock();
  const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou' } }, accessKeys: { AKID: 'secret' }, clock });
  const credentials = { accessKeyId: 'AKID', accessKeySecret: 'secret' };
  const signer = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', fetch: oss.fetch, clock, credentials });
  const presign = ({ key, position = 0, headers, size }: Parameters<typeof openUrl>[0]) =>
    signer.presignAppendObject(key, { position, headers, ...(size === undefined ? {} : { size }) });
  const client = new PresignedClient({ presign, fetch: oss.fetch, clock });
  await drive(client.appendObject('a.log', 'abc', { position: 0, headers: { [name]: value } }), clock, oss);
  expect(oss.object('logs', 'a.log')?.headers).toMatchObject({ [name.toLowerCase()]: value });
});

test('a second loss is reported too, after settle', async () => {
  const weather = new Weather();
  const lab = new Lab({ faults: weather.faults, client: { retry: { maxAttempts: 1 } } });
  await lab.run(lab.object.append('aaaa'));
  lab.delete();
  const conflict = await lab.failure(lab.object.append('bbbb'));
  lab.rival('aaaa');
  await lab.run(lab.object.settle(conflict));
  weather.set(() => ({ kind: 'deny' }));
  await lab.failure(lab.object.append('cccc'));
  weather.clear();
  lab.delete();
  await expect(lab.run(lab.object.append('dddd'))).rejects.toBeInstanceOf(AppendConflictError);
});

test('settle refuses the error of a resume, because only another resume knows how much of the file is stored', async () => {
  const lab = new Lab({
    faults: [{ ...DROP, operation: 'AppendObject', times: 100 }],
    client: { retry: { maxAttempts: 1 } },
  });
  const error = await lab.failure(lab.object.resume(blob('abcdefgh')));
  await expect(lab.run(lab.object.settle(error))).rejects.toThrow(/after resume, call resume again/);
});

test('if the presign function hangs, nothing was sent, so the bytes of a rival are never ours', async () => {
  let asked = 0;
  const presign: typeof openUrl = (request) =>
    request.operation === 'appendObject' && asked++ === 0 ? (new Promise(() => {}) as never) : openUrl(request);
  const lab = new Lab({ client: { presign } });
  await lab.run(lab.object.open());
  lab.rival('abcdefgh');
  const error = (await lab.failure(lab.object.append('abcd'))) as OssError;
  expect(lab.requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  expect(error.outcome).not.toBe('stored');
});

test('open leaves a segment unknown if every request was refused and a longer request of a rival begins with it', async () => {
  const weather = new Weather();
  const lab = new Lab({ faults: weather.faults });
  await lab.run(lab.object.open());
  weather.set(() => ({ kind: 'deny' }));
  const error = await lab.failure(lab.object.append('abcd'));
  weather.clear();
  lab.rival('abcdefgh');
  // Without this line, settle fails with AppendConflictError (outcome unknown).
  await lab.run(lab.object.open());
  expect(lab.object.pending).not.toMatchObject([{ outcome: 'stored' }]);
  await expect(lab.run(lab.object.settle(error))).rejects.toBeInstanceOf(AppendConflictError);
});

test('an append of which nothing was sent does not remove the bytes of the append before it', async () => {
  const weather = new Weather();
  let signs = true;
  const presign: typeof openUrl = (request) => {
    if (!signs && request.operation === 'appendObject') throw new Error('the session has ended');
    return openUrl(request);
  };
  const lab = new Lab({ faults: weather.faults, client: { presign, retry: { maxAttempts: 1 } } });
  await lab.run(lab.object.open());
  weather.set(onAppend(DROP));
  const a = await lab.failure(lab.object.append('AAAA'));
  signs = false;
  const b = await lab.failure(lab.object.append('BBBB'));
  expect(b).toMatchObject({ code: 'PresignFailed', outcome: 'absent' });
  signs = true;
  weather.clear();
  await lab.run(lab.object.settle(b)); // "Settle that append first"
  await expect(lab.run(lab.object.settle(a))).resolves.toMatchObject({ loaded: 4 });
});
