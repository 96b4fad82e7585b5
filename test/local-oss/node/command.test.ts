/** The command oss-append-local: its options, what it prints, and its exit codes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OssClient } from '../../../src/index.ts';
import { assumeRole } from '../../../src/sts.ts';
import { run } from '../../../src/testing/node/command.ts';
import { serveLocalOss } from '../../../src/testing/node/index.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
mkdirSync(join(root, 'build/local'), { recursive: true });
const folder = mkdtempSync(join(root, 'build/local', 'command-'));
const bin = join(folder, 'bin.mjs');

beforeAll(() =>
  build({
    ...{ entryPoints: [join(root, 'src/testing/node/bin.ts')], outfile: bin, logLevel: 'error' },
    ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20' },
  }),
);
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly out: string[];
  readonly err: string[];
  readonly code: number;
}

/** Runs the command in this process. `use` is called with the printed variables, and then the command is ended. */
async function runCommand(
  args: readonly string[],
  use: (variables: Readonly<Record<string, string>>) => Promise<void> = async () => {},
): Promise<Run> {
  const [out, err]: [string[], string[]] = [[], []];
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let used = Promise.resolve();
  const print = (line: string) => {
    out.push(line);
    if (line.includes('export OSS_ENDPOINT')) used = use(variablesOf(line)).finally(end);
  };
  const io = { out: print, err: (line: string) => void err.push(line), now: () => Date.UTC(2026, 0, 2), ended };
  const code = await run(['--port', '0', ...args], io);
  await used;
  return { out, err, code };
}

function variablesOf(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

function clientOf(variables: Readonly<Record<string, string>>, credentials = keysOf(variables)): OssClient {
  const { OSS_ENDPOINT: endpoint, OSS_REGION: region = '', OSS_BUCKET: bucket = '' } = variables;
  return new OssClient({ region, bucket, endpoint, credentials });
}

function keysOf({ OSS_ACCESS_KEY_ID: accessKeyId = '', OSS_ACCESS_KEY_SECRET: accessKeySecret = '' }) {
  return { accessKeyId, accessKeySecret };
}

describe('what is printed at the start', () => {
  test('is a text for a shell, with all variables that a client needs', async () => {
    const { out, err, code } = await runCommand(['--bucket', 'logs'], async (variables) => {
      await clientOf(variables).appendObject('a', 'x', { position: 0 });
      const { OSS_STS_ENDPOINT: endpoint, OSS_ROLE_ARN: roleArn = '' } = variables;
      const token = await assumeRole({ ...keysOf(variables), roleArn, roleSessionName: 'u1', endpoint });
      expect((await clientOf(variables, token).headObject('a')).contentLength).toBe(1);
    });
    expect([err, code]).toEqual([[], 0]);
    const lines = out.join('\n').split('\n');
    expect(lines.filter((line) => !/^(#|export OSS_\w+=)/.test(line))).toEqual([]);
    expect(lines).toHaveLength(10);
    expect(lines[8]).toMatch(/^# Try it: curl http:\/\/127\.0\.0\.1:\d+\/_local\/health$/);
  });

  test('is empty with --quiet, and --quiet needs --access-key', async () => {
    const { code, err } = await runCommand(['--bucket', 'logs', '--quiet']);
    expect([code, err]).toEqual([2, [expect.stringContaining('type --access-key ID:SECRET')]]);
    const { url, close } = await serveLocalOss({ buckets: ['logs'] });
    await close();
    const printed: string[] = [];
    const print = (line: string) => void printed.push(line);
    const args = ['--bucket', 'logs', '--quiet', '--access-key', 'a:b', '--port', new URL(url).port];
    const ended = answering(`${url}/_local/health`);
    expect([await run(args, { out: print, err: print, now: Date.now, ended }), printed]).toEqual([0, []]);
  });

  test('quotes a secret that a shell would read', async () => {
    const { out } = await runCommand(['--bucket', 'logs', '--access-key', "id:a'$b c"]);
    expect(out[0]).toContain(`export OSS_ACCESS_KEY_SECRET='a'\\''$b c'`);
  });

  test('says who reaches a server that listens for other machines', async () => {
    const { err } = await runCommand(['--bucket', 'logs', '--host', '0.0.0.0']);
    expect(err).toEqual([expect.stringMatching(/^Warning: with --host 0\.0\.0\.0, other machines reach this server/)]);
    for (const host of ['localhost', '127.0.0.1', '::1'])
      expect((await runCommand(['--bucket', 'logs', '--host', host])).err).toEqual([]);
  });
});

/** Collects what a process prints. */
function collect(child: ChildProcess): string[] {
  const texts: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => texts.push(String(text)));
  return texts;
}

/** Resolves when a server answers. */
async function answering(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
  }
}

describe('options', () => {
  test('buckets may have regions, and keys, roles and endpoints may be given', async () => {
    const args = ['--bucket', 'logs', '--bucket', 'photos:cn-shanghai', '--region', 'cn-beijing', '--endpoint', 'OSS'];
    const own = ['--access-key', 'id:se:cret', '--role', 'acs:ram::1:role/own'];
    const { code } = await runCommand([...args, ...own], async (variables) => {
      expect(variables).toMatchObject({
        OSS_REGION: 'cn-beijing',
        OSS_BUCKET: 'logs',
        OSS_ROLE_ARN: 'acs:ram::1:role/own',
      });
      expect(keysOf(variables)).toEqual({ accessKeyId: 'id', accessKeySecret: 'se:cret' });
      const photos = clientOf({ ...variables, OSS_REGION: 'cn-shanghai', OSS_BUCKET: 'photos' });
      await photos.appendObject('a', 'x', { position: 0 });
    });
    expect(code).toBe(0);
  });

  test('--cors takes the XML of PutBucketCors', async () => {
    const file = join(folder, 'cors.xml');
    const rule =
      '<AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader>';
    const xml = `<CORSConfiguration><CORSRule>${rule}</CORSRule><ResponseVary>true</ResponseVary></CORSConfiguration>`;
    writeFileSync(file, `<?xml version="1.0" encoding="UTF-8"?>\n${xml}`);
    const { code } = await runCommand(['--bucket', 'logs', '--cors', file], async ({ OSS_ENDPOINT }) => {
      const { headers } = await fetch(`${OSS_ENDPOINT}/logs/a`, { headers: { origin: 'https://a.example' } });
      expect(Object.fromEntries(headers)).toMatchObject({
        'access-control-allow-origin': 'https://a.example',
        'access-control-expose-headers': 'ETag',
        vary: 'Origin',
      });
    });
    expect(code).toBe(0);
  });

  test('--cors takes the rules of a file', async () => {
    const file = join(folder, 'cors.json');
    writeFileSync(file, JSON.stringify([{ allowedOrigins: ['https://a.example'], allowedMethods: ['GET'] }]));
    const { code } = await runCommand(['--bucket', 'logs', '--cors', file], async ({ OSS_ENDPOINT }) => {
      const allowed = async (origin: string) =>
        (await fetch(`${OSS_ENDPOINT}/logs/a`, { headers: { origin } })).headers.get('access-control-allow-origin');
      expect(await allowed('https://a.example')).toBe('https://a.example');
      expect(await allowed('http://localhost')).toBeNull();
    });
    expect(code).toBe(0);
  });

  test('--data keeps the objects and the key, and --fault makes a fault', async () => {
    const args = ['--bucket', 'logs', '--data', join(folder, 'data')];
    let first = {};
    await runCommand([...args, '--fault', 'drop-after'], async (variables) => {
      first = keysOf(variables);
      const { OSS_ENDPOINT: endpoint } = variables;
      const retry = { maxAttempts: 1 };
      const client = new OssClient({
        region: 'cn-hangzhou',
        bucket: 'logs',
        endpoint,
        credentials: keysOf(variables),
        retry,
      });
      await expect(client.appendObject('a', 'x', { position: 0 })).rejects.toMatchObject({ name: 'TransportError' });
    });
    const { code } = await runCommand(args, async (variables) => {
      expect(keysOf(variables)).toEqual(first);
      expect((await clientOf(variables).headObject('a')).contentLength).toBe(1);
    });
    expect(code).toBe(0);
  });

  test('--log prints one line for each request, and no secret', async () => {
    let secrets: string[] = [];
    const args = ['--bucket', 'logs', '--log', '--fault', 'drop-before:operation=HeadObject,times=1'];
    const { out } = await runCommand(args, async (variables) => {
      const { OSS_STS_ENDPOINT: endpoint, OSS_ROLE_ARN: roleArn = '', OSS_REGION: region = '' } = variables;
      const token = await assumeRole({ ...keysOf(variables), roleArn, roleSessionName: 'u1', endpoint });
      const own = { region, bucket: 'logs', endpoint: variables['OSS_ENDPOINT'], credentials: token };
      const client = new OssClient({ ...own, signing: 'query' });
      await client.appendObject('a b/\n2026 é', 'x', { position: 0 });
      await client.headObject('a b/\n2026 é');
      await client.appendObject('a', 'x', { position: 7 }).catch(() => {});
      secrets = [...Object.values(token), ...Object.values(keysOf(variables))].filter((one) => !/^\d{4}-/.test(one));
    });
    expect(out.slice(1)).toEqual([
      '2026-01-02T00:00:00.000Z 200 POST AssumeRole /',
      '2026-01-02T00:00:00.000Z 200 POST AppendObject logs/a%20b/%0A2026%20%C3%A9 position=0',
      '2026-01-02T00:00:00.000Z - HEAD HeadObject logs/a%20b/%0A2026%20%C3%A9 fault=drop-before',
      '2026-01-02T00:00:00.000Z 200 HEAD HeadObject logs/a%20b/%0A2026%20%C3%A9',
      '2026-01-02T00:00:00.000Z 409 POST AppendObject logs/a position=7',
    ]);
    expect(secrets).toHaveLength(5);
    for (const secret of secrets) expect(out.slice(1).join('\n')).not.toContain(secret);
    expect(out.slice(1).join('\n')).not.toMatch(/signature|authorization|OSS4/i);
  });

  test('--help names every option, and --version prints the version of the package', async () => {
    const { out, code } = await runCommand(['--help']);
    expect(code).toBe(0);
    expect(out.join('\n')).toContain('npx -p oss-append oss-append-local --bucket logs --port 9000');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await runCommand(['--version'])).toEqual({ out: [version], err: [], code: 0 });
  });
});

describe('exit codes', () => {
  test.each([
    [[], 'A bucket is missing: type --bucket logs'],
    [['logs'], "Unexpected argument 'logs'"],
    [['--bucket'], 'argument missing'],
    [['--bucket', 'Logs'], 'A bucket name has 3 to 63 characters'],
    [['--bucket', 'logs:oss-cn-hangzhou'], 'A region must look like cn-hangzhou'],
    [['--bucket', 'logs:a:b'], 'type --bucket logs:cn-hangzhou'],
    [['--bucket', 'logs:'], 'found "logs:": type --bucket logs:cn-hangzhou'],
    [['--bucket', 'logs', '--bucket', 'logs:cn-beijing'], '--bucket logs is given twice: type it once'],
    [['--bucket', 'logs', '--data', ''], 'type --data oss-data'],
    [['--bucket', 'logs', '--buckets', 'x'], "Unknown option '--buckets'"],
    [['--bucket', 'logs', '--port', '80a'], 'type --port 9000'],
    [['--bucket', 'logs', '--port', '65536'], 'type --port 9000'],
    [['--bucket', 'logs', '--endpoint', 'a:1'], 'type --endpoint oss'],
    [['--bucket', 'logs', '--access-key', 'secretwithoutid'], 'type --access-key LTAIexample:secret'],
    [['--bucket', 'logs', '--role', 'role'], 'type --role acs:ram::'],
    [['--bucket', 'logs', '--fault', 'drop'], '--fault There is no fault "drop". The faults are'],
    [['--bucket', 'logs', '--log=yes'], "'--log' does not take an argument"],
    [['--bucket', 'logs', '--host', ''], 'The host is empty. It must be an address, such as 127.0.0.1'],
    [['--bucket', 'logs', '--region', ''], 'type --region cn-hangzhou'],
    [['--bucket', 'logs', '--access-key', 'a:b', '--access-key', 'a:c'], '--access-key a is given twice: type it once'],
    [['--bucket', 'logs', '--role', '-1'], "Option '--role' argument is ambiguous. Type --help for the options"],
  ])('%j: 2, and the message says what to type', async (args, message) => {
    const { code, out, err } = await runCommand(args);
    expect([code, out, err]).toEqual([2, [], [expect.stringContaining(message)]]);
    expect(err[0]).toMatch(/^oss-append-local: /);
    expect(err[0]).not.toContain('secretwithoutid');
  });

  test('3 if another program uses the port, or if the address is not one of this machine', async () => {
    const server = await serveLocalOss({ buckets: ['logs'] });
    const { port } = new URL(server.url);
    try {
      const inUse = await runCommand(['--bucket', 'logs', '--port', port]);
      expect([inUse.code, inUse.err]).toEqual([3, [expect.stringMatching(`uses port ${port} .*: type --port 0`)]]);
      expect((await runCommand(['--bucket', 'logs', '--host', '192.0.2.1'])).code).toBe(3);
    } finally {
      await server.close();
    }
  });

  test('4 if a file or the data folder cannot be used', async () => {
    const file = join(folder, 'wrong');
    for (const text of [
      '',
      '{}',
      '[{}]',
      '[{"allowedOrigins":["*"],"allowedMethods":["SEND"]}]',
      '<CORSConfiguration></CORSConfiguration>',
      '<!doctype html>',
      '[{"allowedOrigins":"*","allowedMethods":["GET"]}]',
      '[{"allowedOrigins":["**"],"allowedMethods":["GET"]}]',
      '[{"allowedOrigins":["*"],"allowedMethods":["GET"],"exposeHeader":["a"]}]',
    ]) {
      writeFileSync(file, text);
      const { code, err } = await runCommand(['--bucket', 'logs', '--cors', file]);
      expect([code, err], text).toEqual([4, [expect.stringContaining(`Cannot use the CORS rules of ${file}`)]]);
    }
    expect((await runCommand(['--bucket', 'logs', '--cors', join(folder, 'nothing')])).code).toBe(4);
    expect((await runCommand(['--bucket', 'logs', '--data', file])).code).toBe(4);
    expect((await runCommand(['--bucket', 'logs', '--data', join(file, 'below')])).code).toBe(4);
  });

  test('4 if the system refuses to make the data folder, also in a folder such as /proc', async () => {
    // Other systems have no such folder. There, the place is below a file.
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const place = process.platform === 'linux' ? '/proc/oss-append' : file;
    const { code, err } = await runCommand(['--bucket', 'logs', '--data', join(place, 'data')]);
    expect([code, err]).toEqual([4, [expect.stringContaining('Cannot use the data folder')]]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('0 after %s, and the data folder is free again', async (signal) => {
    const data = join(folder, signal);
    for (let life = 0; life < 2; life++) {
      const child = spawn(process.execPath, [bin, '--bucket', 'logs', '--port', '0', '--data', data]);
      const printed = collect(child);
      await once(child.stdout, 'data');
      child.kill(signal);
      expect(await once(child, 'exit'), printed.join('')).toEqual([0, null]);
    }
  });

  test('0 after SIGTERM, even if nobody reads what is printed', async () => {
    const child = spawn(process.execPath, [bin, '--bucket', 'logs', '--port', '0', '--log']);
    const printed = collect(child);
    await once(child.stdout, 'data');
    const { OSS_ENDPOINT: url } = variablesOf(printed.join(''));
    child.stdout.destroy();
    // Each request prints a line.
    for (let i = 0; i < 3; i++) expect((await fetch(`${url}/logs/a`)).status).toBe(403);
    child.kill('SIGTERM');
    expect(await once(child, 'exit'), printed.join('')).toEqual([0, null]);
  });
});
