/** Asks a bucket what the documents of OSS do not say. Each question works below the prefix of the run, and changes nothing else. */
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { exchange, type RawAnswer, RealBucket } from './bucket.ts';

/** What a bucket answered. */
export interface QuestionAnswer {
  /** The number of the question in the list of open questions of the project. */
  readonly id: string;
  readonly asks: string;
  readonly answer: string;
}

/** How long a question waits, ms. */
type Pause = (delay: number) => Promise<void>;

interface Question {
  readonly id: string;
  readonly asks: string;
  ask(bucket: RealBucket, key: string, pause: Pause): Promise<string>;
}

/** Shows an answer with the headers that matter. */
function show({ status, code, ec, headers }: RawAnswer, ...names: string[]): string {
  const shown = names.map((name) => `${name}: ${headers[name] ?? 'absent'}`);
  return [`${status}${code && ` ${code}`}${ec && ` (EC ${ec})`}`, ...shown].join(', ');
}

const POSITION = 'x-oss-next-append-position';
const CRC = 'x-oss-hash-crc64ecma';

export const QUESTIONS: readonly Question[] = [
  {
    id: '1a',
    asks: 'x-oss-forbid-overwrite: true on an append to a new object, at its end, and at position 0 of an existing one',
    ask: async (bucket, key) => {
      const headers = { 'x-oss-forbid-overwrite': 'true' };
      const answers = [0, 5, 0].map((position) => () => bucket.append(key, 'hello', position, { headers }));
      return (await inTurn(answers)).map((answer) => show(answer)).join('; ');
    },
  },
  {
    id: '1b',
    asks: 'x-oss-hash-crc64ecma with a wrong value in the request of an append',
    ask: async (bucket, key) => show(await bucket.append(key, 'hello', 0, { headers: { [CRC]: '1' } }), CRC),
  },
  {
    id: '2',
    asks: 'an append that would pass 5 GiB',
    ask: async () => 'not asked: it needs an object of 5 GiB',
  },
  {
    id: '3',
    asks: 'what is stored when the connection breaks in the middle of a body of 200,000 bytes',
    ask: async (bucket, key, pause) => {
      const { socket } = await beginAppend(bucket, key, 'x'.repeat(200_000));
      await pause(1000);
      socket.destroy();
      await pause(3000);
      return show(await bucket.head(key), 'content-length', POSITION);
    },
  },
  {
    id: '4a',
    asks: 'a Content-MD5 that is malformed, and one that is wrong',
    ask: async (bucket, key) => {
      const values = ['wrong', 'AAAAAAAAAAAAAAAAAAAAAA=='];
      const asked = values.map((md5) => () => bucket.append(key, 'hello', 0, { headers: { 'content-md5': md5 } }));
      return (await inTurn(asked)).map((answer) => show(answer)).join('; ');
    },
  },
  {
    id: '4b',
    asks: 'If-None-Match: * on an append',
    ask: async (bucket, key) => show(await bucket.append(key, 'hello', 0, { unsigned: { 'if-none-match': '*' } })),
  },
  {
    id: '4c',
    asks: 'a storage class, an ACL and an encryption that do not exist',
    ask: async (bucket, key) => {
      const headers = {
        'x-oss-storage-class': 'Nothing',
        'x-oss-object-acl': 'nobody',
        'x-oss-server-side-encryption': 'ROT13',
      };
      const asked = Object.entries(headers).map(
        ([name, value]) =>
          () =>
            bucket.append(key, 'a', 0, { headers: { [name]: value } }),
      );
      return (await inTurn(asked)).map((answer) => show(answer)).join('; ');
    },
  },
  {
    id: '5',
    asks: 'x-oss-traffic-limit: 245760, and 819200, on an append',
    ask: async (bucket, key) => {
      const limits = [245_760, 819_200];
      const asked = limits.map(
        (limit, i) => () =>
          bucket.append(`${key}-${i}`, 'hello', 0, { headers: { 'x-oss-traffic-limit': String(limit) } }),
      );
      return (await inTurn(asked)).map((answer) => show(answer)).join('; ');
    },
  },
  { id: '6', asks: 'how many CORS rules a bucket takes', ask: async () => 'not asked: it would change the bucket' },
  { id: '7', asks: 'HTTP/2', ask: async (bucket, key) => protocolOf(bucket.sign({ method: 'GET', key }).url) },
  {
    id: '8',
    asks: 'access-control-allow-origin on 200, 404, 403 and 409 answers to a request with Origin: https://example.com',
    ask: async (bucket, key) => {
      const unsigned = { origin: 'https://example.com' };
      const asked = [
        () => bucket.append(key, 'hello', 0, { unsigned }),
        () => bucket.send({ method: 'GET', key: `${key}-absent`, unsigned }),
        () => bucket.send({ method: 'GET', key, unsigned, signing: 'none' }),
        () => bucket.append(key, 'hello', 3, { unsigned }),
      ];
      return (await inTurn(asked)).map((answer) => show(answer, 'access-control-allow-origin')).join('; ');
    },
  },
  {
    id: '9',
    asks: 'the acceleration endpoint, signed with the region of the bucket',
    ask: async ({ place }, key) => {
      if (place.endpoint) return 'not asked: the endpoint is given';
      return show(await new RealBucket({ ...place, accelerate: true }).head(key));
    },
  },
  {
    id: '10, 13',
    asks: 'a seal, a second seal, and an append after it',
    ask: async (bucket, key) => {
      await bucket.append(key, 'hello', 0);
      const seal = () => bucket.send({ method: 'POST', key, query: { seal: '', position: '5' } });
      const answers = await inTurn([seal, seal, () => bucket.append(key, 'more', 5)]);
      return answers.map((answer) => show(answer, 'x-oss-sealed-time')).join('; ');
    },
  },
  {
    id: '11',
    asks: 'HEAD of 2,000 bytes of text/plain, without and with Accept-Encoding: gzip',
    ask: async (bucket, key) => {
      await bucket.append(key, 'line\n'.repeat(400), 0, { headers: { 'content-type': 'text/plain' } });
      const asked = [{}, { 'accept-encoding': 'gzip' }].map((unsigned) => () => bucket.head(key, { unsigned }));
      return (await inTurn(asked)).map((answer) => show(answer, 'content-length', POSITION, 'etag')).join('; ');
    },
  },
  { id: '12', asks: 'an overwrite rule of the bucket', ask: async () => 'not asked: it would change the bucket' },
  {
    id: '14',
    asks: 'two appends at position 0 whose bodies overlap: one begins first, and the other one ends first',
    ask: async (bucket, key, pause) => {
      const { finish } = await beginAppend(bucket, key, 'slow!');
      await pause(1000);
      const quick = await bucket.append(key, 'quick', 0);
      const slow = await finish();
      const { body } = await bucket.get(key);
      return `the second: ${show(quick)}; the first: ${slow}; stored: ${body.toString()}`;
    },
  },
  {
    id: '15',
    asks: 'x-oss-traffic-limit and x-oss-request-payer in the query of a query-signed append',
    ask: async (bucket, key) => {
      const queries: Record<string, string>[] = [
        { 'x-oss-traffic-limit': '819200' },
        { 'x-oss-request-payer': 'requester' },
      ];
      const asked = queries.map(
        (query, i) => () => bucket.append(`${key}-${i}`, 'hello', 0, { query, signing: 'query' }),
      );
      return (await inTurn(asked)).map((answer) => show(answer)).join('; ');
    },
  },
  {
    id: '16',
    asks: 'an append at position 7 to a missing object',
    ask: async (bucket, key) => show(await bucket.append(key, 'hello', 7), POSITION, CRC),
  },
  {
    id: '17',
    asks: 'an append of 4 MiB at a wrong position',
    ask: async (bucket, key) => {
      const began = Date.now();
      const answer = await bucket
        .append(key, '', 7, { body: new Uint8Array(4 * 1024 * 1024) })
        .catch((error: Error) => error);
      const seconds = ((Date.now() - began) / 1000).toFixed(1);
      return answer instanceof Error ? `the connection broke after ${seconds} s` : `${show(answer)} after ${seconds} s`;
    },
  },
  {
    id: '18',
    asks: 'HEAD and GET of a missing object',
    ask: async (bucket, key) =>
      (await inTurn([() => bucket.head(key), () => bucket.get(key)])).map((answer) => show(answer)).join('; '),
  },
  {
    id: '19',
    asks: 'an empty append to a missing object, and a second one',
    ask: async (bucket, key) => {
      const answers = await inTurn([() => bucket.append(key, '', 0), () => bucket.append(key, '', 0)]);
      return answers.map((answer) => show(answer, POSITION, CRC)).join('; ');
    },
  },
  {
    id: '20',
    asks: 'a GET with response-content-encoding=identity',
    ask: async (bucket, key) => {
      await bucket.append(key, 'hello', 0, { headers: { 'content-encoding': 'gzip' } });
      const query = { 'response-content-encoding': 'identity' };
      return show(await bucket.send({ method: 'GET', key, query }), 'content-encoding');
    },
  },
  {
    id: '21',
    asks: 'a GET of a missing object with spaces behind the commas of Authorization, and with spaces on both sides',
    ask: async (bucket, key) => {
      const { url, headers } = bucket.sign({ method: 'GET', key });
      const asked = [', ', ' , '].map((comma) => () => {
        const authorization = headers['authorization']?.replaceAll(',', comma);
        return exchange(url, { method: 'GET', headers: { ...headers, authorization } });
      });
      return (await inTurn(asked)).map((answer) => show(answer)).join('; ');
    },
  },
  {
    id: '22',
    asks: 'a GET with a presigned URL whose x-oss-date is 20 minutes ahead',
    ask: async (bucket, key) => {
      const date = new Date(Date.now() + 20 * 60_000);
      return show(await bucket.send({ method: 'GET', key, signing: 'query', date }));
    },
  },
  {
    id: '23',
    asks: 'a header in two lines with the values 1 and 2, signed as `1,2`, and as `1, 2`',
    ask: async (bucket, key) => {
      const query = { append: '', position: '0' };
      const asked = ['1,2', '1, 2'].map((value, i) => () => {
        const request = { method: 'POST', key: `${key}-${i}`, query, headers: { 'x-oss-meta-a': value } };
        bucket.written.add(request.key);
        const { url, headers } = bucket.sign(request);
        const lines = { ...headers, 'x-oss-meta-a': ['1', '2'], 'content-length': '0' };
        return exchange(url, { method: 'POST', headers: lines });
      });
      return (await inTurn(asked)).map((answer) => show(answer)).join('; ');
    },
  },
];

/** Asks all questions, one after the other. A question that fails is answered with its error. */
export async function askAll(bucket: RealBucket, prefix: string, pause: Pause = wait): Promise<QuestionAnswer[]> {
  const answers: QuestionAnswer[] = [];
  for (const { id, asks, ask } of QUESTIONS) {
    const key = `${prefix}question-${id.replace(/\W+/g, '-')}`;
    const answer = await ask(bucket, key, pause).catch(
      (error: unknown) => `failed: ${error instanceof Error ? error.message : error}`,
    );
    answers.push({ id, asks, answer });
  }
  return answers;
}

function wait(delay: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay));
}

async function inTurn<T>(work: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const one of work) results.push(await one());
  return results;
}

/** Opens a connection to the host of a URL. */
function open(url: URL) {
  const { hostname: host, protocol } = url;
  const isTls = protocol === 'https:';
  const port = Number(url.port || (isTls ? 443 : 80));
  return isTls ? connectTls({ host, port, servername: host }) : connect({ host, port });
}

/** Sends the head of an append and the first half of its body. */
async function beginAppend(bucket: RealBucket, key: string, body: string) {
  bucket.written.add(key);
  const { url, headers } = bucket.sign({ method: 'POST', key, query: { append: '', position: '0' } });
  const { host, pathname, search } = new URL(url);
  const all = { host, connection: 'close', 'content-length': String(body.length), ...headers };
  const socket = open(new URL(url));
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const half = body.length >> 1;
  socket.write(`POST ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n${body.slice(0, half)}`);
  const finish = (): Promise<string> =>
    new Promise((resolve) => {
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      const end = () => resolve(/HTTP\/1.1 (\d+)/.exec(answer)?.[1] ?? 'no answer');
      socket.on('error', end).on('close', end);
      socket.write(body.slice(half));
    });
  return { socket, finish };
}

function protocolOf(url: string): Promise<string> {
  const { hostname: host, port, protocol } = new URL(url);
  if (protocol !== 'https:') return Promise.resolve('not asked: the endpoint has no HTTPS');
  return new Promise((resolve, reject) => {
    const options = { host, port: Number(port || 443), servername: host, ALPNProtocols: ['h2', 'http/1.1'] };
    const socket = connectTls(options, () => {
      resolve(`the server chooses ${socket.alpnProtocol || 'nothing'}`);
      socket.end();
    });
    socket.on('error', reject);
  });
}
