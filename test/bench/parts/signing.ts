// Measures the signature of one AppendObject request with an STS token of usual length. As in real appends, each
// signature has a new time, while the credentials and the signing key of the day stay the same.
import { bytesToHex } from '@noble/hashes/utils.js';
import { presignV4, signV4 } from '../../../src/index.ts';
import { canonicalRequest, signingKey, stampOf, stringToSign } from '../../../src/request/signature.ts';
import type { Bench } from '../bench.ts';
import { type Contestant, compare, fastest, microseconds, type Row, race } from '../measure.ts';
import type { Peers } from '../peers.ts';

const credentials = {
  accessKeyId: 'STS.NSbenchmarkbenchmarkbench',
  accessKeySecret: 'AnExampleOfASecretOfFortyFourCharacters12345',
  securityToken: 'CAISexampleOfAToken'.repeat(32),
};
const { accessKeyId, accessKeySecret, securityToken } = credentials;
const KEY = 'logs/2026/11/page.log';
const REGION = 'cn-hangzhou';
const URL_OF_APPEND = `https://bench.oss-${REGION}.aliyuncs.com/${KEY}?append&position=12345`;

/** Returns a clock that moves by one second at each call and stays on the same day. */
function ticking(): () => Date {
  let seconds = 0;
  const start = Date.UTC(2026, 10, 23);
  return () => new Date(start + (seconds++ % 80_000) * 1000);
}

function ours(): Contestant[] {
  const now = ticking();
  const request = { method: 'POST', bucket: 'bench', key: KEY, query: { append: '', position: '12345' } };
  const header = () => signV4(request, credentials, { region: REGION, date: now() });
  const query = () => presignV4(request, credentials, { region: REGION, date: now(), expiresIn: 300 });
  return [contestant('header', header), contestant('query', query)];
}

/** The same steps of V4 signing with SHA-256 and HMAC from Web Crypto. The CryptoKey is imported once and reused. */
async function webCrypto(): Promise<Contestant> {
  const now = ticking();
  const utf8 = new TextEncoder();
  const { subtle } = globalThis.crypto;
  const raw = signingKey(accessKeySecret, stampOf({ region: REGION, date: now() })) as Uint8Array<ArrayBuffer>;
  const key = await subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const hex = (bytes: ArrayBuffer) => bytesToHex(new Uint8Array(bytes));
  const run = async () => {
    const stamp = stampOf({ region: REGION, date: now() });
    const headers = {
      'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-oss-date': stamp.time,
      'x-oss-security-token': securityToken,
    };
    const request = { method: 'POST', bucket: 'bench', key: KEY, query: { append: '', position: '12345' }, headers };
    const digest = hex(await subtle.digest('SHA-256', utf8.encode(canonicalRequest(request))));
    const text = stringToSign('', stamp).replace(/[^\n]*$/, digest);
    return hex(await subtle.sign('HMAC', key, utf8.encode(text)));
  };
  return contestant('Web Crypto, key kept', run, 10);
}

function aliOss({ AliOss }: Peers): Contestant[] {
  const options = { region: `oss-${REGION}`, bucket: 'bench', accessKeyId, accessKeySecret, stsToken: securityToken };
  const client = new AliOss({ ...options, authorizationV4: true, refreshSTSTokenInterval: 1e9 });
  const now = ticking();
  const queries = { append: null, position: '12345' };
  const header = () => {
    const headers = {
      'x-oss-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-oss-date': stampOf({ region: REGION, date: now() }).time,
      'x-oss-security-token': securityToken,
    };
    return client.authorizationV4('POST', { headers, queries }, 'bench', KEY);
  };
  const query = () => client.signatureUrlV4('POST', 300, { headers: {}, queries }, KEY);
  return [contestant('ali-oss, header', header), contestant('ali-oss, query', query)];
}

/**
 * aws4fetch signs for another service, but it does the same work: the same signing steps, the same number of hashes,
 * and a signing key that is kept in `cache`.
 */
function aws4fetch({ AwsV4Signer }: Peers): Contestant[] {
  const now = ticking();
  const common = {
    method: 'POST',
    url: URL_OF_APPEND,
    accessKeyId,
    secretAccessKey: accessKeySecret,
    sessionToken: securityToken,
    service: 's3',
    region: 'us-east-1',
    cache: new Map(),
  };
  const sign = (signQuery: boolean) => () =>
    new AwsV4Signer({ ...common, signQuery, datetime: stampOf({ region: REGION, date: now() }).time }).sign();
  return [contestant('aws4fetch, header', sign(false), 10), contestant('aws4fetch, query', sign(true), 10)];
}

function tinyOss({ TinyOss }: Peers): Contestant {
  const options = { accessKeyId, accessKeySecret, stsToken: securityToken, bucket: 'bench', region: `oss-${REGION}` };
  const client = new TinyOss(options);
  return contestant('tiny-oss, query (V1)', () => client.signatureUrl(KEY, { expires: 300 }));
}

function contestant(name: string, run: () => unknown, batch = 25): Contestant {
  return { name, run: () => fastest({ batch, run }) };
}

const LINES: readonly (readonly [ours: string, theirs: string, target: number])[] = [
  ['header', 'Web Crypto, key kept', 8],
  ['header', 'ali-oss, header', 1],
  ['header', 'aws4fetch, header', 1],
  ['query', 'Web Crypto, key kept', 8],
  ['query', 'ali-oss, query', 1],
  ['query', 'aws4fetch, query', 1],
  ['query', 'tiny-oss, query (V1)', 1],
];

export async function signing({ peers, rounds }: Pick<Bench, 'peers' | 'rounds'>): Promise<Row[]> {
  const contestants = [...ours(), await webCrypto(), ...aliOss(peers), ...aws4fetch(peers), tinyOss(peers)];
  await race(contestants, 2);
  const costs = await race(contestants, rounds);
  return LINES.map(([mine, theirs, target]) =>
    compare(costs, mine, theirs, { name: `signing, ${mine} / ${theirs}`, target, unit: microseconds }),
  );
}
