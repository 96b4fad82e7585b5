/** The client against LocalOss over HTTP. In a browser, LocalOss has another origin than the page. */
import {
  CredentialsError,
  credentialsFromUrl,
  type OssClient,
  objectHeaders,
  type PresignedRequest,
  refreshingCredentials,
  ServiceError,
  TransportError,
} from '../../../src/index.ts';
import { bytesFrom, check, equal, joined, rejects, sameBytes } from '../check.ts';
import type { Case, Context } from '../context.ts';

const text = new TextEncoder();

export const clientCases: readonly Case[] = [
  ...(['header', 'query'] as const).map(
    (signing): Case => ({
      name: `client: a ${signing}-signed append, HEAD, GET and GET of a range succeed`,
      run: (context) => roundTrip(context, context.client({ signing })),
    }),
  ),
  {
    name: 'client: a presigned append, HEAD and GET succeed when a bare fetch sends them',
    run: async ({ client, key, stored }) => {
      const signer = client();
      const body = bytesFrom(4, 5000);
      const grant = await signer.presignAppendObject(key, { position: 0, size: 5000, contentType: 'text/x-log' });
      equal((await send(grant, body)).status, 200, 'append');
      equal((await stored())?.headers['content-type'], 'text/x-log', 'content type');
      equal((await send(await signer.presignHeadObject(key))).headers.get('content-length'), '5000', 'head');
      const part = await send(await signer.presignGetObject(key, { range: { start: 10, end: 19 } }));
      equal(part.status, 206, 'range');
      sameBytes(new Uint8Array(await part.arrayBuffer()), body.subarray(10, 20), 'range');
      const whole = await send(await signer.presignGetObject(key));
      sameBytes(new Uint8Array(await whole.arrayBuffer()), body, 'whole');
    },
  },
  {
    name: 'client: a grant for one length or range permits no other length or range',
    run: async ({ client, key, stored }) => {
      const append = await client().presignAppendObject(key, { position: 0, size: 5 });
      equal((await send(append, text.encode('six bytes'))).status, 403, 'another length');
      equal(await stored(), undefined, 'the object');
      equal((await send(append, text.encode('5byte'))).status, 200, 'the signed length');
      const read = await client().presignGetObject(key, { range: { start: 0, end: 1 } });
      equal((await send({ ...read, headers: { range: 'bytes=0-4' } })).status, 403, 'another range');
    },
  },
  {
    name: 'client: headers that describe the object take effect on the first append only',
    run: async ({ client, key, stored }) => {
      const expires = new Date('2030-01-02T03:04:05Z');
      const described = { metadata: { origin: 'suite' }, tagging: { team: 'a b' }, expires, acl: 'private' } as const;
      const options = { contentType: 'text/plain', headers: objectHeaders(described) };
      await client().appendObject(key, 'one', { position: 0, ...options });
      await client().appendObject(key, 'two', { position: 3 });
      const { headers } = (await stored()) ?? {};
      equal(headers?.['content-type'], 'text/plain', 'content type');
      equal(headers?.['x-oss-meta-origin'], 'suite', 'metadata');
      equal(headers?.['expires'], expires.toUTCString(), 'expires');
      const head = await client().headObject(key);
      equal(head.headers.get('content-type'), 'text/plain', 'head');
    },
  },
  {
    name: 'client: text, a Blob, views and an empty body are stored unchanged',
    run: async ({ client, key, stored }) => {
      const bodies = [
        'naïve 文 🎉',
        new Blob(['blob'], { type: 'text/csv' }),
        new DataView(bytesFrom(5, 8).buffer, 2),
        '',
      ];
      let position = 0;
      for (const body of bodies) position = (await client().appendObject(key, body, { position })).nextAppendPosition;
      const object = await stored();
      sameBytes(object?.bytes, joined(text.encode('naïve 文 🎉blob'), bytesFrom(5, 8).subarray(2)), 'object');
      // An empty append changes nothing of an object that exists.
      equal(object?.appends, 3, 'appends');
    },
  },
  {
    name: 'client: the type of a Blob becomes the type of the object',
    run: async ({ client, key, stored }) => {
      await client().appendObject(key, new Blob(['a,b'], { type: 'text/csv' }), { position: 0 });
      equal((await stored())?.headers['content-type'], 'text/csv', 'content type');
      await client().appendObject(key, new Blob(['c,d'], { type: 'text/csv' }), { position: 3, contentType: null });
      equal((await stored())?.length, 6, 'length');
    },
  },
  ...['dots/../and/./more', '中文/🎉 %2F+#?&=', "it's (1)*!~", 'a//b/'].map(
    (name): Case => ({
      name: `client: the key "${name}" reaches the server unchanged`,
      run: async ({ client, key, stored }) => {
        const odd = `${key}/${name}`;
        for (const [position, signing] of (['header', 'query'] as const).entries())
          await client({ signing }).appendObject(odd, 'x', { position });
        equal((await stored({ key: odd }))?.length, 2, 'length');
      },
    }),
  ),
  {
    name: 'client: a refused HEAD names the reason, although it has no body',
    run: async ({ client, key }) => {
      const { status, code, requestId } = await rejects(client().headObject(key), ServiceError, 'head');
      equal([status, code, typeof requestId], [404, 'NoSuchKey', 'string'], 'error');
    },
  },
  {
    name: 'client: a wrong position is a ServiceError with the correct position',
    run: async ({ client, key }) => {
      await client().appendObject(key, 'abc', { position: 0 });
      const appending = client().appendObject(key, 'def', { position: 1 });
      const { status, code, position } = await rejects(appending, ServiceError, 'append');
      equal([status, code, position], [409, 'PositionNotEqualToLength', 3], 'error');
    },
  },
  {
    name: 'client: a wrong secret is refused, and no error contains a key or a token',
    run: async ({ client, key, credentials }) => {
      const accessKeySecret = 'NotTheSecretOfThisKey';
      for (const signing of ['header', 'query'] as const) {
        const wrong = client({ signing, credentials: { ...credentials, accessKeySecret } });
        const error = await rejects(wrong.appendObject(key, 'x', { position: 0 }), ServiceError, signing);
        equal([error.status, error.code], [403, 'SignatureDoesNotMatch'], signing);
        noSecrets(error, [accessKeySecret, credentials.securityToken ?? '']);
      }
    },
  },
  {
    name: 'client: a device clock that is wrong by an hour is corrected',
    run: async ({ client, clock, key, wire }) => {
      const late = client({ clock: { ...clock, now: () => Date.now() + 3_600_000 } });
      await late.appendObject(key, 'a', { position: 0 });
      await late.appendObject(key, 'b', { position: 1 });
      equal((await wire('POST')).length, 3, 'requests, one of which was refused');
    },
  },
  {
    name: 'client: expired credentials are loaded again, once',
    run: async ({ client, key, credentials, faults, stored }) => {
      await faults({ kind: 'expire-token' });
      let loads = 0;
      const provider = refreshingCredentials(async () => {
        loads++;
        return credentials;
      });
      await client({ credentials: provider }).appendObject(key, 'abc', { position: 0 });
      equal([loads, (await stored())?.length], [2, 3], 'loads and length');
    },
  },
  {
    name: 'client: credentials are loaded from a URL that answers with the field names of STS',
    run: async ({ client, key, controlUrl, stored }) => {
      const credentials = credentialsFromUrl(`${controlUrl}/token`);
      await client({ credentials }).appendObject(key, 'abc', { position: 0 });
      equal((await stored())?.length, 3, 'length');
      const none = client({ credentials: credentialsFromUrl(`${controlUrl}/nothing`) });
      await rejects(none.appendObject(key, 'abc', { position: 3 }), CredentialsError, 'no endpoint');
    },
  },
  {
    name: 'client: permanent keys are refused if a document exists',
    needs: ['document'],
    run: async ({ client, key, permanent, stored }) => {
      let thrown: unknown;
      try {
        client({ credentials: permanent });
      } catch (error) {
        thrown = error;
      }
      check(thrown instanceof TypeError, 'it throws TypeError');
      await client({ credentials: permanent, allowInPage: true }).appendObject(key, 'a', { position: 0 });
      equal((await stored())?.length, 1, 'length');
    },
  },
  {
    name: 'client: each query-signed append of bytes is one request, without a preflight',
    needs: ['simple-requests'],
    run: async ({ client, key, wire }) => {
      const query = client({ signing: 'query' });
      for (const position of [0, 1, 2]) await query.appendObject(key, text.encode('x'), { position });
      equal(
        (await wire()).map(({ method }) => method),
        ['POST', 'POST', 'POST'],
        'requests',
      );
    },
  },
  {
    name: 'client: each header-signed append is preceded by a preflight',
    needs: ['cors'],
    run: async ({ client, key, wire }) => {
      for (const position of [0, 1]) await client().appendObject(key, text.encode('x'), { position });
      equal(
        (await wire()).map(({ method }) => method),
        ['OPTIONS', 'POST', 'OPTIONS', 'POST'],
        'requests',
      );
    },
  },
  {
    name: 'client: if CORS withholds the answer, the outcome is unknown, and the append was stored',
    needs: ['cors'],
    run: async ({ client, key, stored }) => {
      const closed = client({ bucket: 'closed-bucket', signing: 'query' });
      const appending = closed.appendObject(key, text.encode('abc'), { position: 0 });
      const { code } = await rejects(appending, TransportError, 'append');
      equal([code, (await stored({ bucket: 'closed-bucket' }))?.length], ['NetworkError', 3], 'code and length');
    },
  },
  {
    name: 'client: headers that CORS hides are undefined, and the others are present',
    needs: ['cors'],
    run: async ({ client, key }) => {
      const hidden = client({ bucket: 'hidden-bucket' });
      const { nextAppendPosition, hashCrc64ecma } = await hidden.appendObject(key, 'abc', { position: 0 });
      equal([nextAppendPosition, hashCrc64ecma], [3, undefined], 'append');
      const head = await hidden.headObject(key);
      equal([head.contentLength, head.hashCrc64ecma, head.objectType], [3, undefined, undefined], 'head');
      const { partial, range, body } = await hidden.getObject(key, { range: { start: 0, end: 1 } });
      equal([partial, range], [true, undefined], 'get');
      equal(await new Response(body).text(), 'ab', 'bytes');
    },
  },
];

async function roundTrip({ key, stored }: Context, client: OssClient): Promise<void> {
  const [first, second] = [bytesFrom(6, 100_000), bytesFrom(7, 33_333)];
  const { nextAppendPosition: position } = await client.appendObject(key, first, { position: 0 });
  const result = await client.appendObject(key, new Blob([second]), { position });
  const object = await stored();
  const whole = joined(first, second);
  sameBytes(object?.bytes, whole, 'object');
  equal([result.nextAppendPosition, result.hashCrc64ecma], [whole.length, object?.crc64], 'append');
  const head = await client.headObject(key);
  const { contentLength, objectType, nextAppendPosition, hashCrc64ecma, headers } = head;
  equal([contentLength, objectType, nextAppendPosition], [whole.length, 'Appendable', whole.length], 'head');
  equal([hashCrc64ecma, headers.has('last-modified')], [object?.crc64, true], 'head');
  const { body, partial, ...content } = await client.getObject(key);
  equal([partial, content.contentLength], [false, whole.length], 'get');
  sameBytes(new Uint8Array(await new Response(body).arrayBuffer()), whole, 'get');
  const part = await client.getObject(key, { range: { start: 99_990, end: 100_009 } });
  equal([part.partial, part.range, part.contentLength], [true, { start: 99_990, end: 100_009 }, whole.length], 'range');
  sameBytes(new Uint8Array(await new Response(part.body).arrayBuffer()), whole.subarray(99_990, 100_010), 'range');
}

function send({ method, url, headers }: PresignedRequest, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
  return fetch(url, { method, headers, ...(body ? { body } : {}) });
}

function noSecrets(error: Error, secrets: readonly string[]): void {
  const shown = [error.message, error.stack, JSON.stringify(error), String(error.cause)].join('\n');
  for (const secret of secrets.filter(Boolean)) check(!shown.includes(secret), 'the error shows a secret');
}
