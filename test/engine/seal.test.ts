/** Sealing: an object takes no more appends, and HEAD settles a lost answer. */
import { describe, expect, test } from 'vitest';
import type { AppendClient } from '../../src/append/client.ts';
import { AppendableObject } from '../../src/append/object.ts';
import { TransportError } from '../../src/errors.ts';
import { OssClient } from '../../src/request/client.ts';
import type { Fault } from '../../src/testing/faults.ts';
import { LocalOss } from '../../src/testing/local-oss.ts';
import type { FaultRule } from '../runtimes/context.ts';
import { KEY, Lab } from './exactly-once/lab.ts';
import { Weather } from './tools.ts';

const SEAL = 'SealAppendObject';
const lost = (fault: FaultRule['kind'], nth: number): FaultRule => ({ kind: fault, operation: SEAL, nth }) as FaultRule;
const sealedTime = async (lab: Lab) => (await lab.run(lab.client.headObject(KEY))).headers.get('x-oss-sealed-time');
const seals = (lab: Lab) =>
  lab.oss.requests.filter(({ operation }) => operation === SEAL).map(({ position }) => position);

describe('AppendableObject.seal', () => {
  test('seals the object at its end, after the appends that wait', async () => {
    const lab = new Lab({ before: 'ab' });
    const appended = lab.object.append('cdef');
    const sealed = lab.object.seal();
    await lab.run(Promise.all([appended, sealed]));
    expect(await sealed).toEqual(await appended);
    expect([seals(lab), lab.stored]).toEqual([[6], 'abcdef']);
    expect(await sealedTime(lab)).toMatch(/GMT$/);
  });

  test('refuses later appends, which store nothing', async () => {
    const lab = new Lab({ before: 'ab' });
    await lab.run(lab.object.seal());
    const error = await lab.failure(lab.object.append('c'));
    expect(error).toMatchObject({ name: 'ServiceError', code: 'AppendSealedObjectNotAllowed', tail: { position: 2 } });
    expect(lab.stored).toBe('ab');
  });

  test('an append that is refused has the outcome absent, and leaves nothing to settle', async () => {
    const lab = new Lab({ before: 'ab' });
    await lab.run(lab.object.seal());
    const error = await lab.failure(lab.object.append('c'));
    expect(error).toMatchObject({ outcome: 'absent', loaded: 0 });
    expect(lab.object.pending).toEqual([]);
    expect(await lab.run(lab.object.settle(error))).toMatchObject({ loaded: 0, tail: { position: 2 } });
  });

  test('an append whose earlier request was lost keeps the outcome unknown when the object refuses the next one', async () => {
    const lab = new Lab({ before: 'ab' });
    const { retry } = lab.client;
    let sent = 0;
    const client: AppendClient = {
      retry,
      headObject: (...call) => lab.client.headObject(...call),
      getObject: (...call) => lab.client.getObject(...call),
      appendObject: async (...call) => {
        if (++sent === 1) throw new TransportError('lost', { code: 'NetworkError' });
        await lab.client.sealAppendObject(KEY, { position: 2 });
        return lab.client.appendObject(...call);
      },
    };
    const object = new AppendableObject(client, KEY, { tail: { position: 2 } });
    const error = await lab.failure(object.append('cd'));
    expect(error).toMatchObject({ code: 'AppendSealedObjectNotAllowed', outcome: 'unknown' });
  });

  test('succeeds again at the same position', async () => {
    const lab = new Lab({ before: 'ab' });
    await lab.run(lab.object.seal());
    expect(await lab.run(lab.object.seal())).toMatchObject({ position: 2 });
  });

  test.each<FaultRule['kind']>(['drop-before', 'drop-after', 'error-after', 'gateway'])(
    'is repeated after %s',
    async (kind) => {
      const lab = new Lab({ before: 'ab', faults: [lost(kind, 1)] });
      expect(await lab.run(lab.object.seal())).toMatchObject({ position: 2 });
      expect(seals(lab)).toEqual([2, 2]);
    },
  );

  test('asks HEAD when every answer is lost, and succeeds if the object is sealed', async () => {
    const faults = [1, 2, 3].map((nth) => lost('drop-after', nth));
    const lab = new Lab({ before: 'ab', faults, client: { retry: { maxAttempts: 3 } } });
    expect(await lab.run(lab.object.seal())).toMatchObject({ position: 2 });
  });

  test('fails when every request is lost and the object is not sealed', async () => {
    const faults = [1, 2, 3].map((nth) => lost('drop-before', nth));
    const lab = new Lab({ before: 'ab', faults, client: { retry: { maxAttempts: 3 } } });
    expect(await lab.failure(lab.object.seal())).toMatchObject({ code: 'NetworkError' });
    expect(await lab.run(lab.object.seal())).toMatchObject({ position: 2 });
  });

  test('does not seal after bytes of another writer: it fails, and the next call seals at the new end', async () => {
    const lab = new Lab({ before: 'ab' });
    await lab.run(lab.object.open());
    lab.rival('xyz');
    expect(await lab.failure(lab.object.seal())).toMatchObject({ code: 'PositionNotEqualToLength' });
    expect(await lab.run(lab.object.seal())).toMatchObject({ position: 5 });
  });

  test('fails for an absent object', async () => {
    const lab = new Lab();
    expect(await lab.failure(lab.object.seal())).toMatchObject({ code: 'NoSuchKey' });
  });

  test('needs a client that can seal', async () => {
    const lab = new Lab({ before: 'ab' });
    const { appendObject, headObject, getObject } = lab.client;
    const client = {
      appendObject: appendObject.bind(lab.client),
      headObject: headObject.bind(lab.client),
      getObject: getObject.bind(lab.client),
      retry: lab.client.retry,
    };
    const { AppendableObject } = await import('../../src/append/object.ts');
    await expect(new AppendableObject(client, KEY).seal()).rejects.toThrow(/^seal needs a client/);
  });
});

describe('settle on an object that was sealed in the meantime', () => {
  test.each<[FaultRule['kind'], number, string]>([
    ['drop-before', 0, 'ab'],
    ['drop-after', 2, 'abcd'],
  ])('says what is stored after %s, and says it again', async (kind, loaded, stored) => {
    const weather = new Weather();
    const lab = new Lab({ before: 'ab', faults: weather.faults });
    weather.set(({ operation }) => (operation === 'AppendObject' ? { kind } : { kind: 'drop-before' }) as Fault);
    const object = lab.another({ tail: { position: 2 } });
    const error = await lab.failure(object.append('cd'));
    weather.clear();
    await lab.run(lab.client.sealAppendObject(KEY, { position: stored.length }));
    for (let times = 0; times < 2; times++)
      expect(await lab.run(object.settle(error))).toMatchObject({ loaded, tail: { position: stored.length } });
    expect(lab.stored).toBe(stored);
    expect(object.pending.every(({ outcome }) => outcome !== 'unknown')).toBe(true);
    expect(await lab.failure(object.append('e'))).toMatchObject({ code: 'AppendSealedObjectNotAllowed' });
  });

  test('looks again after the refusal, because a late request may have been carried out before the seal', async () => {
    const lab = new Lab({ before: 'ab' });
    const { retry } = lab.client;
    let late: (() => Promise<unknown>) | undefined;
    const client: AppendClient = {
      retry,
      headObject: (...call) => lab.client.headObject(...call),
      getObject: (...call) => lab.client.getObject(...call),
      appendObject: async (...call) => {
        if (!late) throw new TransportError('lost', { code: 'NetworkError' });
        await late();
        return lab.client.appendObject(...call);
      },
    };
    const object = new AppendableObject(client, KEY, { tail: { position: 2 } });
    const error = await lab.failure(object.append('cd'));
    late = async () => {
      lab.rival('cd');
      await lab.client.sealAppendObject(KEY, { position: 4 });
    };
    expect(await lab.run(object.settle(error))).toMatchObject({ loaded: 2, tail: { position: 4 } });
    expect(lab.stored).toBe('abcd');
  });
});

describe('OssClient.sealAppendObject', () => {
  const where = { region: 'cn-hangzhou', bucket: 'logs' };
  const setUp = (options: object = {}, policy?: object) => {
    const oss = new LocalOss({ buckets: { logs: { region: 'cn-hangzhou', ...options } } });
    const credentials = oss.issueToken(policy ? { policy: JSON.stringify(policy) } : {});
    oss.appendObject('logs', 'a', new Uint8Array(3));
    return { oss, client: new OssClient({ ...where, credentials, fetch: oss.fetch }) };
  };

  test.each(['header', 'query'] as const)('works with a signature in the %s', async (signing) => {
    const { oss } = setUp();
    const client = new OssClient({ ...where, credentials: oss.issueToken(), fetch: oss.fetch, signing });
    expect(await client.sealAppendObject('a', { position: 3 })).toMatchObject({
      sealedTime: expect.stringMatching(/GMT$/),
    });
  });

  test('can be presigned for a holder without a key', async () => {
    const { oss, client } = setUp();
    const { url, method, headers } = await client.presignSealAppendObject('a', { position: 3 });
    expect((await oss.fetch(url, { method, headers })).status).toBe(200);
    expect((await oss.fetch(url.replace('position=3', 'position=2'), { method, headers })).status).toBe(403);
  });

  test('needs oss:SealAppendObject', async () => {
    const allow = { Version: '1', Statement: [{ Effect: 'Allow', Action: ['oss:PutObject'], Resource: ['*'] }] };
    const { client } = setUp({}, allow);
    await expect(client.sealAppendObject('a', { position: 3 })).rejects.toMatchObject({ code: 'AccessDenied' });
  });

  test('is refused at another position, for a normal object, and in a bucket without sealing', async () => {
    const { oss, client } = setUp();
    oss.putObject('logs', 'n', new Uint8Array(3));
    await expect(client.sealAppendObject('a', { position: 2 })).rejects.toMatchObject({ status: 409, position: 3 });
    await expect(client.sealAppendObject('n', { position: 3 })).rejects.toMatchObject({ code: 'ObjectNotAppendable' });
    const other = setUp({ sealing: false });
    await expect(other.client.sealAppendObject('a', { position: 3 })).rejects.toMatchObject({
      status: 400,
      code: 'OperationNotSupported',
      ec: '0016-00000513',
    });
  });

  test.each([-1, 1.5, '3'])('refuses position %s before any request', async (position) => {
    const { oss, client } = setUp();
    const call = client.sealAppendObject('a', { position: position as number });
    await expect(call).rejects.toThrow(/^position must be/);
    expect(oss.requests).toEqual([]);
  });
});
