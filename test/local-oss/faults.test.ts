import { describe, expect, test } from 'vitest';
import { type Fault, type FaultSchedule, LocalOss } from '../../src/testing/index.ts';
import { appendCall, call, element, ManualClock, quiet, refusal, stateOf } from './tools.ts';

function anOss(faults: FaultSchedule, clock = new ManualClock(), contents: 'bytes' | 'checksum' = 'bytes'): LocalOss {
  const cors = [{ allowedOrigins: ['*'], allowedMethods: ['POST', 'GET', 'HEAD'] as const, allowedHeaders: ['*'] }];
  const buckets = { logs: { region: 'cn-hangzhou', cors, contents } };
  return new LocalOss({ buckets, accessKeys: { ak: 'sk' }, clock, faults });
}

/** Sends one append of `test` at position 0 with these faults. */
function appendUnder(...faults: readonly Fault[]): { oss: LocalOss; pending: Promise<Response> } {
  const oss = anOss(({ nth }) => (nth === 1 ? faults : undefined));
  return { oss, pending: call(oss, appendCall('a', 0, { origin: 'https://a.example.com' }), { body: 'test' }) };
}

function stored(oss: LocalOss, key = 'a'): string | undefined {
  const object = oss.object('logs', key);
  return object && new TextDecoder().decode(object.bytes());
}

function utf8(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(value);
}

/** After any fault, an append at the actual end must succeed, and the checksums must agree. */
async function expectConsistent(oss: LocalOss): Promise<void> {
  const before = stored(oss) ?? '';
  const again = await call(oss, appendCall('a', before.length), { body: '!' });
  expect(again.status).toBe(200);
  expect(stored(oss)).toBe(`${before}!`);
  const twin = anOss([]);
  twin.appendObject('logs', 'a', utf8(`${before}!`));
  expect(again.headers.get('x-oss-hash-crc64ecma')).toBe(twin.object('logs', 'a')?.crc64);
  expect(oss.busy).toBe(0);
}

describe('a lost connection', () => {
  test.each<[Fault, string | undefined, number | undefined]>([
    [{ kind: 'drop-before' }, undefined, undefined],
    [{ kind: 'drop-during' }, undefined, undefined],
    [{ kind: 'drop-after' }, 'test', 200],
  ])('$kind', async (fault, left, status) => {
    const { oss, pending } = appendUnder(fault);
    await expect(pending).rejects.toThrow(new TypeError('fetch failed'));
    expect(stored(oss)).toBe(left);
    expect(oss.requests[0]?.fault).toBe(fault.kind);
    expect(oss.requests[0]?.status).toBe(status);
    await expectConsistent(oss);
  });

  test('drop-before reads nothing of a stream, and drop-during reads half of it', async () => {
    for (const [kind, read] of [
      ['drop-before', 0],
      ['drop-during', 4],
    ] as const) {
      const oss = anOss([{ kind }]);
      let pulled = 0;
      const body = new ReadableStream<Uint8Array>(
        { pull: (c) => (pulled++ < 8 ? c.enqueue(new Uint8Array(1)) : c.close()) },
        { highWaterMark: 0 },
      );
      const send = oss.fetch('http://localhost/logs/a?append&position=0', {
        method: 'POST',
        headers: { 'content-length': '8' },
        body,
        duplex: 'half',
      } as RequestInit);
      await expect(send).rejects.toThrow('fetch failed');
      expect(pulled).toBe(read);
    }
  });
});

describe('a wrong answer', () => {
  test.each<[Fault, number, string, string | undefined]>([
    [{ kind: 'error-before' }, 500, 'InternalError', undefined],
    [{ kind: 'error-before', status: 503 }, 503, 'ServiceUnavailable', undefined],
    [{ kind: 'error-before', status: 502, code: 'Own' }, 502, 'Own', undefined],
    [{ kind: 'error-after' }, 500, 'InternalError', 'test'],
    [{ kind: 'error-after', status: 503 }, 503, 'ServiceUnavailable', 'test'],
    [{ kind: 'expire-token' }, 403, 'SecurityTokenExpired', undefined],
    [{ kind: 'deny' }, 403, 'AccessDenied', undefined],
    [{ kind: 'throttle' }, 503, 'TotalQpsLimitExceeded', undefined],
    [
      { kind: 'throttle', code: 'MetaOperationQpsLimitExceeded', delay: 7 },
      503,
      'MetaOperationQpsLimitExceeded',
      undefined,
    ],
    [{ kind: 'skew-clock', by: 900_001 }, 403, 'RequestTimeTooSkewed', undefined],
    [{ kind: 'skew-clock', by: -900_001 }, 403, 'RequestTimeTooSkewed', undefined],
  ])('%o: %i %s', async (fault, status, code, left) => {
    const { oss, pending } = appendUnder(fault);
    const response = await pending;
    expect(await refusal(response)).toMatchObject({ status, code });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(stored(oss)).toBe(left);
    await expectConsistent(oss);
  });

  test('throttling reports the delay in ms', async () => {
    const delay = async (fault: Fault) => (await appendUnder(fault).pending).headers.get('x-oss-qos-delay-time');
    expect(await delay({ kind: 'throttle' })).toBe('100');
    expect(await delay({ kind: 'throttle', delay: 7 })).toBe('7');
  });

  test('the answer to an expired token contains the token', async () => {
    const oss = anOss([{ kind: 'expire-token', times: 2 }]);
    const token = oss.issueToken();
    for (const form of [{}, { expires: 60 }]) {
      const { xml } = await refusal(await call(oss, appendCall('a', 0), { ...token, ...form, body: 'x' }));
      expect(element(xml, 'SecurityToken')).toBe(token.securityToken);
    }
  });

  test.each([
    [false, undefined],
    [true, 'test'],
  ])('a gateway answers in HTML, without a header of OSS or CORS (after: %s)', async (after, left) => {
    const { oss, pending } = appendUnder({ kind: 'gateway', after });
    const response = await pending;
    expect(response.status).toBe(502);
    expect([...response.headers.keys()].sort()).toEqual(['content-length', 'content-type']);
    expect(await response.text()).toContain('<html>');
    expect(stored(oss)).toBe(left);
    await expectConsistent(oss);
  });

  test('a gateway can have its own page and status', async () => {
    const response = await appendUnder({ kind: 'gateway', status: 504, body: '' }).pending;
    expect([response.status, await response.text()]).toEqual([504, '']);
  });

  test('hide-headers hides every header that a page cannot see without ExposeHeader, or the given headers', async () => {
    const { headers } = await appendUnder({ kind: 'hide-headers' }).pending;
    expect([...headers.keys()]).toEqual(['content-length']);
    const some = await appendUnder({ kind: 'hide-headers', names: ['X-Oss-Hash-Crc64ecma'] }).pending;
    expect(some.headers.has('x-oss-hash-crc64ecma')).toBe(false);
    expect(some.headers.get('x-oss-next-append-position')).toBe('4');
  });

  test('opaque carries the request out and hides the answer from the page', async () => {
    const { oss, pending } = appendUnder({ kind: 'opaque' });
    await expect(pending).rejects.toThrow(new TypeError('Failed to fetch'));
    expect(stored(oss)).toBe('test');
    await expectConsistent(oss);
  });
});

describe('damage', () => {
  test.each([
    [{ kind: 'flip-bit' }, 'uest'],
    [{ kind: 'flip-bit', at: 3 }, 'tesu'],
    [{ kind: 'flip-bit', at: 4 }, 'test'],
  ] as const)('%o', async (fault, left) => {
    const { oss, pending } = appendUnder(fault);
    const response = await pending;
    expect(stored(oss)).toBe(left);
    const twin = anOss([]);
    twin.appendObject('logs', 'a', utf8(left));
    expect(response.headers.get('x-oss-hash-crc64ecma')).toBe(twin.object('logs', 'a')?.crc64);
    await expectConsistent(oss);
  });

  test("a flipped bit does not change the caller's buffer, and the MD5 check passes", async () => {
    const oss = anOss([{ kind: 'flip-bit' }], new ManualClock(), 'checksum');
    const body = utf8('test');
    const md5 = { 'content-md5': 'CY9rzUYh03PK3k6DJie09g==' };
    expect((await call(oss, appendCall('a', 0, md5), { body })).status).toBe(200);
    expect(new TextDecoder().decode(body)).toBe('test');
    expect(oss.object('logs', 'a')?.crc64).not.toBe('18020588380933092773');
  });
});

describe('late answers and commits', () => {
  test('answer-late stores at once, and answers when the delay has passed', async () => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'answer-late', delay: 5000 }], clock);
    const pending = call(oss, appendCall('a', 0), { body: 'test' });
    await quiet(oss);
    expect([stored(oss), oss.requests[0]?.status]).toEqual(['test', 200]);
    clock.advance(4999);
    await quiet(oss);
    expect(await stateOf(pending)).toBe('pending');
    clock.advance(1);
    expect((await pending).status).toBe(200);
    await expectConsistent(oss);
  });

  test('answer-late ends at an abort and removes its timer', async () => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'answer-late', delay: 5000 }], clock);
    const controller = new AbortController();
    const pending = call(oss, appendCall('a', 0), { body: 'test', signal: controller.signal });
    await quiet(oss);
    controller.abort('enough');
    await expect(pending).rejects.toBe('enough');
    expect([clock.waiting, stored(oss)]).toEqual([0, 'test']);
    await quiet(oss);
    await expectConsistent(oss);
  });

  test.each([true, false])('commit-late stores after the delay and never answers (aborted: %s)', async (aborted) => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'commit-late', delay: 5000 }], clock);
    const controller = new AbortController();
    const pending = call(oss, appendCall('a', 0), { body: 'test', signal: controller.signal });
    await quiet(oss);
    if (aborted) {
      controller.abort('enough');
      await expect(pending).rejects.toBe('enough');
    }
    clock.advance(4999);
    expect([stored(oss), oss.requests[0]?.status]).toEqual([undefined, undefined]);
    clock.advance(1);
    expect([stored(oss), oss.requests[0]?.status]).toEqual(['test', 200]);
    if (!aborted) expect(await stateOf(pending)).toBe('pending');
    await quiet(oss);
    await expectConsistent(oss);
  });

  test('commit-late checks the position at the time of the commit', async () => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'commit-late', delay: 5000 }], clock);
    void call(oss, appendCall('a', 0), { body: 'test' });
    await quiet(oss);
    expect((await call(oss, appendCall('a', 0), { body: 'other' })).status).toBe(200);
    clock.advance(5000);
    expect([stored(oss), oss.requests[0]?.status]).toEqual(['other', 409]);
    await expectConsistent(oss);
  });

  test('commit-late answers a refusal of the signature at once', async () => {
    const oss = anOss([{ kind: 'commit-late', delay: 5000 }]);
    const answer = await refusal(await call(oss, appendCall('a', 0), { accessKeySecret: 'wrong', body: 'test' }));
    expect(answer.code).toBe('SignatureDoesNotMatch');
  });
});

describe('a request that the transport repeats', () => {
  test('is carried out twice, and the second answer is returned', async () => {
    const { oss, pending } = appendUnder({ kind: 'repeat', lost: 'first' });
    const response = await pending;
    expect(response.headers.get('x-oss-next-append-position')).toBe('4');
    expect((await refusal(response)).code).toBe('PositionNotEqualToLength');
    expect(stored(oss)).toBe('test');
    expect(oss.requests.map(({ status, fault }) => [status, fault])).toEqual([
      [409, 'repeat'],
      [200, 'repeat'],
    ]);
    await expectConsistent(oss);
  });
});

describe('changes by other clients', () => {
  test.each<[string, Fault[], string | undefined, number]>([
    ['a rival append before the request', [{ kind: 'rival', bytes: utf8('ri'), when: 'before' }], 'ri', 409],
    ['a rival append after the request', [{ kind: 'rival', bytes: utf8('ri'), when: 'after' }], 'testri', 200],
    [
      'a rival append of the same length before the request',
      [{ kind: 'rival', same: true, when: 'before' }],
      '\ufffd'.repeat(4),
      409,
    ],
    ['a deletion after the request', [{ kind: 'delete', when: 'after' }], undefined, 200],
    ['a replacement before the request', [{ kind: 'replace', when: 'before' }], 'replaced', 409],
    ['a replacement after the request', [{ kind: 'replace', when: 'after', bytes: utf8('x') }], 'x', 200],
    [
      'a rival append, and a lost connection',
      [{ kind: 'rival', bytes: utf8('ri'), when: 'before' }, { kind: 'drop-before' }],
      'ri',
      0,
    ],
    [
      'two changes in their order',
      [
        { kind: 'rival', bytes: utf8('1'), when: 'after' },
        { kind: 'rival', bytes: utf8('2'), when: 'after' },
      ],
      'test12',
      200,
    ],
  ])('%s', async (_, faults, left, status) => {
    const { oss, pending } = appendUnder(...faults);
    expect(
      await pending.then(
        (response) => response.status,
        () => 0,
      ),
    ).toBe(status);
    expect(stored(oss)).toBe(left);
  });

  test.each([0, 255])(
    'a rival of the same length appends other bytes than %i, even if the bucket keeps no bytes',
    async (byte) => {
      const oss = anOss([{ kind: 'rival', same: true, when: 'before' }], new ManualClock(), 'checksum');
      const body = new Uint8Array(9).fill(byte);
      const response = await call(oss, appendCall('a', 0), { body });
      expect([response.status, oss.object('logs', 'a')?.length]).toEqual([409, 9]);
      const twin = anOss([]);
      twin.appendObject('logs', 'a', body);
      expect(oss.object('logs', 'a')?.crc64).not.toBe(twin.object('logs', 'a')?.crc64);
    },
  );

  test('a replacement can be appendable again, with another ETag', async () => {
    const { oss, pending } = appendUnder({ kind: 'replace', when: 'after', bytes: utf8('test'), type: 'Appendable' });
    const { headers } = await pending;
    expect(oss.object('logs', 'a')).toMatchObject({ type: 'Appendable', appends: 1 });
    expect(oss.object('logs', 'a')?.etag).not.toBe(headers.get('etag'));
    await expectConsistent(oss);
  });

  test('a deletion before a HEAD makes the object missing', async () => {
    const oss = anOss([{ kind: 'delete', when: 'before', operation: 'HeadObject' }]);
    oss.appendObject('logs', 'a', utf8('x'));
    expect((await call(oss, ['HEAD', 'a'])).status).toBe(404);
  });

  test('a rival does not change a normal object', async () => {
    const oss = anOss([{ kind: 'rival', bytes: utf8('x'), when: 'before' }]);
    oss.putObject('logs', 'a', utf8('put'));
    expect((await call(oss, ['HEAD', 'a'])).status).toBe(200);
    expect(stored(oss)).toBe('put');
  });

  test('a rival does not change a sealed object', async () => {
    const oss = anOss([{ kind: 'rival', bytes: utf8('x'), when: 'after', operation: 'SealAppendObject' }]);
    oss.appendObject('logs', 'a', utf8('one'));
    expect((await call(oss, ['POST', 'a', { seal: '', position: '3' }])).status).toBe(200);
    expect(stored(oss)).toBe('one');
  });
});

describe('slow transfers', () => {
  test.each(['buffer', 'stream'])('an upload from a %s takes the time that its speed needs', async (kind) => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'slow', bytesPerSecond: 2 }], clock);
    const bytes = utf8('test');
    const body = kind === 'buffer' ? bytes : new Blob([bytes]).stream();
    const pending = call(oss, appendCall('a', 0), { body });
    await quiet(oss);
    clock.advance(1999);
    await quiet(oss);
    expect(stored(oss)).toBeUndefined();
    clock.advance(1);
    expect((await pending).status).toBe(200);
  });

  test('an abort during a slow upload stores nothing', async () => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'slow', bytesPerSecond: 2 }], clock);
    const controller = new AbortController();
    const pending = call(oss, appendCall('a', 0), { body: 'test', signal: controller.signal });
    await quiet(oss);
    controller.abort('enough');
    await expect(pending).rejects.toBe('enough');
    clock.advance(9999);
    await quiet(oss);
    expect([stored(oss), clock.waiting]).toEqual([undefined, 0]);
  });

  test('a download takes the time that its speed needs', async () => {
    const clock = new ManualClock();
    const oss = anOss([{ kind: 'slow', bytesPerSecond: 2 }], clock);
    oss.appendObject('logs', 'a', utf8('test'));
    const response = await call(oss, ['GET', 'a']);
    const pending = response.text();
    await quiet(oss);
    clock.advance(1999);
    await quiet(oss);
    expect(await stateOf(pending)).toBe('pending');
    clock.advance(1);
    expect(await pending).toBe('test');
  });

  test('a stalled body sends its first half and then waits for the abort', async () => {
    const oss = anOss([{ kind: 'stall-body' }]);
    oss.appendObject('logs', 'a', utf8('test'));
    const controller = new AbortController();
    const response = await call(oss, ['GET', 'a'], { signal: controller.signal });
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('te');
    const rest = reader.read();
    await quiet(oss);
    expect(await stateOf(rest)).toBe('pending');
    controller.abort('enough');
    await expect(rest).rejects.toBe('enough');
  });
});

describe('schedules', () => {
  test('a function receives the facts of the request', async () => {
    const seen: unknown[] = [];
    const oss = anOss((request) => {
      seen.push(request);
      return undefined;
    });
    await call(oss, appendCall('a', 0), { body: 'test' });
    await call(oss, appendCall('a', 4), { body: 'x' });
    await call(oss, appendCall('b', 0), { body: 'x' });
    await call(oss, ['HEAD', 'a']);
    const append = { operation: 'AppendObject', method: 'POST', bucket: 'logs', key: 'a' };
    expect(seen).toEqual([
      { ...append, position: 0, size: 4, nth: 1 },
      { ...append, position: 4, size: 1, nth: 2 },
      { ...append, key: 'b', position: 0, size: 1, nth: 1 },
      { operation: 'HeadObject', method: 'HEAD', bucket: 'logs', key: 'a', nth: 1 },
    ]);
  });

  test('a list can select by operation, key, nth and times', async () => {
    const oss = anOss([
      { kind: 'error-before', status: 503, operation: 'AppendObject', key: 'a', nth: 2, times: 2 },
      { kind: 'error-before', operation: 'HeadObject' },
    ]);
    const statuses = async (key: string) => {
      const out: number[] = [];
      for (let i = 0; i < 4; i++)
        out.push((await call(oss, appendCall(key, oss.object('logs', key)?.length ?? 0), { body: 'x' })).status);
      return out;
    };
    expect(await statuses('b')).toEqual([200, 200, 200, 200]);
    expect(await statuses('a')).toEqual([200, 503, 503, 200]);
    expect([(await call(oss, ['HEAD', 'a'])).status, (await call(oss, ['HEAD', 'a'])).status]).toEqual([500, 200]);
    oss.clearRequests();
    expect(await statuses('a')).toEqual([200, 503, 503, 200]);
  });

  test('no-length omits the length of a success, and of a part only if `parts` is set', async () => {
    const shown = async (fault: Fault, request: Parameters<typeof call>[1]) => {
      const oss = anOss(() => fault);
      oss.appendObject('logs', 'a', utf8('test'));
      const { headers } = await call(oss, request);
      return ['content-length', 'etag', 'accept-ranges'].map((name) => headers.has(name));
    };
    const part: Parameters<typeof call>[1] = ['GET', 'a', {}, { range: 'bytes=1-' }];
    const [none, all] = [
      [false, false, false],
      [true, true, true],
    ];
    expect(await shown({ kind: 'no-length' }, ['HEAD', 'a'])).toEqual(none);
    expect(await shown({ kind: 'no-length' }, ['GET', 'a'])).toEqual(none);
    expect(await shown({ kind: 'no-length' }, part)).toEqual(all);
    expect(await shown({ kind: 'no-length', parts: true }, part)).toEqual(none);
  });

  test('decoded returns as many other bytes (and none for one byte), unless the request asks for the stored bytes', async () => {
    const read = async (fault: Fault, range: string, asStored = false) => {
      const oss = anOss(() => fault);
      oss.appendObject('logs', 'a', utf8('test'));
      const query: Record<string, string> = asStored ? { 'response-content-encoding': 'identity' } : {};
      const response = await call(oss, ['GET', 'a', query, { range }]);
      return [response.headers.get('content-encoding'), Buffer.from(await response.arrayBuffer()).toString('hex')];
    };
    expect(await read({ kind: 'decoded' }, 'bytes=0-1')).toEqual(['gzip', '8b9a']);
    expect(await read({ kind: 'decoded' }, 'bytes=0-0')).toEqual(['gzip', '']);
    expect(await read({ kind: 'decoded' }, 'bytes=0-1', true)).toEqual(['identity', '7465']);
    expect(await read({ kind: 'decoded', always: true }, 'bytes=0-1', true)).toEqual(['gzip', '8b9a']);
  });

  test('several faults act together', async () => {
    const { oss, pending } = appendUnder(
      { kind: 'flip-bit' },
      { kind: 'hide-headers' },
      { kind: 'error-after', status: 503 },
    );
    const response = await pending;
    expect([response.status, stored(oss), response.headers.has('x-oss-request-id')]).toEqual([503, 'uest', false]);
    expect(oss.requests[0]).toMatchObject({ fault: 'flip-bit hide-headers error-after', status: 200 });
  });

  test('a preflight can fail as well', async () => {
    const oss = anOss([{ kind: 'drop-before', operation: 'OptionObject' }]);
    await expect(oss.fetch('http://localhost/logs/a', { method: 'OPTIONS' })).rejects.toThrow('fetch failed');
  });
});
