/** The file of a data folder: what it holds after a restart, after a write that was cut off, and after damage. */
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OssClient } from '../../../src/index.ts';
import { FileError, type LocalOssServer, serveLocalOss } from '../../../src/testing/node/index.ts';
import { text } from '../text.ts';

let folder: string;
let servers: LocalOssServer[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oss-append-data-'));
});

afterEach(async () => {
  await closeAll();
  await rm(folder, { recursive: true });
});

async function closeAll(): Promise<void> {
  await Promise.all(servers.map((server) => server.close()));
  servers = [];
}

async function start(buckets: readonly string[] = ['logs']): Promise<LocalOssServer> {
  const server = await serveLocalOss({ buckets, data: join(folder, 'deep/data') });
  servers.push(server);
  return server;
}

/** Ends the server, and starts it again on the same folder. */
async function restart(): Promise<LocalOssServer> {
  await closeAll();
  return start();
}

const file = () => join(folder, 'deep/data/objects.log');

function clientOf({ url: endpoint, keys: credentials }: LocalOssServer): OssClient {
  return new OssClient({ region: 'cn-hangzhou', bucket: 'logs', endpoint, credentials });
}

function view({ oss }: LocalOssServer): unknown {
  return oss.keys('logs').map((key) => {
    const { bytes, ...rest } = oss.object('logs', key)!;
    return [key, rest, text(bytes())];
  });
}

/** Stores three records: two appends to one object, and another object. Returns the length of the file after each. */
async function storeThree(): Promise<number[]> {
  const client = clientOf(await start());
  const lengths: number[] = [];
  for (const [key, position] of [
    ['a', 0],
    ['a', 3],
    ['b', 0],
  ] as const) {
    await client.appendObject(key, 'one', { position });
    lengths.push((await stat(file())).size);
  }
  return lengths;
}

describe('after a restart', () => {
  test('the objects, their metadata and the random key are the same', async () => {
    const server = await start();
    const client = clientOf(server);
    const large = new Uint8Array(3_000_000).map((_, i) => i % 251);
    await client.appendObject('a', 'one', { position: 0, headers: { 'x-oss-meta-a': 'b' }, contentType: 'text/x' });
    await client.appendObject('a', large, { position: 3 });
    await client.appendObject('empty', '', { position: 0 });
    await client.appendObject('sealed', 'x', { position: 0 });
    await client.sealAppendObject('sealed', { position: 1 });
    server.oss.deleteObject('logs', 'nothing');
    const before = view(server);
    const again = await restart();
    expect(view(again)).toEqual(before);
    expect([again.keys, again.cut]).toEqual([server.keys, 0]);
    await expect(clientOf(again).appendObject('sealed', 'x', { position: 1 })).rejects.toThrow('AppendSealed');
    await clientOf(again).appendObject('a', 'two', { position: 3_000_003 });
  });

  test('deleted objects stay deleted, and the file becomes smaller when most of it is waste', async () => {
    const server = await start();
    const bytes = new Uint8Array(600_000);
    for (let i = 0; i < 5; i++) {
      server.oss.putObject('logs', 'a', bytes.fill(i));
      await clientOf(server).headObject('a');
    }
    server.oss.appendObject('logs', 'kept', bytes);
    server.oss.deleteObject('logs', 'a');
    await closeAll();
    expect((await stat(file())).size).toBeGreaterThan(3_600_000);
    const again = await start();
    expect(again.oss.keys('logs')).toEqual(['kept']);
    expect((await stat(file())).size).toBeLessThan(700_000);
    await clientOf(again).appendObject('kept', 'x', { position: 600_000 });
    expect((await restart()).oss.object('logs', 'kept')?.length).toBe(600_001);
  });

  test('changes that were made without a request are kept too', async () => {
    const server = await start();
    server.oss.appendObject('logs', 'a', new Uint8Array(3));
    expect((await restart()).oss.object('logs', 'a')?.length).toBe(3);
  });
});

describe('a record that was not finished', { timeout: 120_000 }, () => {
  test('is cut if the write ended at any of its bytes, and the records before it stay', async () => {
    const lengths = await storeThree();
    await closeAll();
    const whole = await readFile(file());
    const [, second = 0, third = 0] = lengths;
    // The ends are in the head, in the state, and in the bytes of the third record.
    for (const end of [second + 1, second + 31, second + 33, third - 3, third - 1]) {
      await writeFile(file(), whole.subarray(0, end));
      const server = await start();
      expect([server.cut, server.oss.keys('logs'), server.oss.object('logs', 'a')?.length]).toEqual([
        end - second,
        ['a'],
        6,
      ]);
      await clientOf(server).appendObject('b', 'new', { position: 0 });
      await closeAll();
      const again = await start();
      expect([again.cut, text(again.oss.object('logs', 'b')?.bytes())]).toEqual([0, 'new']);
      await closeAll();
    }
  });

  test('may also be zeros, if the file system had lengthened the file first', async () => {
    await storeThree();
    await closeAll();
    await appendFile(file(), new Uint8Array(5000));
    const server = await start();
    expect([server.cut, server.oss.keys('logs')]).toEqual([5000, ['a', 'b']]);
  });
});

describe('a damaged file', { timeout: 120_000 }, () => {
  test('is refused if any byte is wrong in a record that is not the last one, and the file is not changed', async () => {
    const [first = 0] = await storeThree();
    await closeAll();
    const whole = await readFile(file());
    // Every field of the head, some of the state, and the bytes.
    for (const at of [0, 4, 7, 8, 15, 16, 24, 31, 32, 60, first - 4, first - 1]) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 1;
      await writeFile(file(), damaged);
      const error = await start().catch((reason: unknown) => reason);
      expect(error, `byte ${at}`).toBeInstanceOf(FileError);
      expect((error as Error).message).toContain(`damaged at byte 0 of ${whole.length}`);
      expect((await readFile(file())).equals(damaged)).toBe(true);
    }
  });

  test('whose last record is damaged loses only this record', async () => {
    const [, second = 0, third = 0] = await storeThree();
    await closeAll();
    const whole = await readFile(file());
    whole[third - 1]! ^= 1;
    await writeFile(file(), whole);
    const server = await start();
    expect([server.cut, server.oss.keys('logs')]).toEqual([third - second, ['a']]);
  });

  test('and a file that is not one of ours are not touched', async () => {
    await start();
    await closeAll();
    await writeFile(file(), 'this is the diary of somebody, and not a journal');
    await expect(start()).rejects.toThrow(FileError);
    expect(await readFile(file(), 'utf8')).toContain('diary');
  });
});

describe('a data folder', () => {
  test('belongs to one server at a time, also if an earlier one was killed', async () => {
    await start();
    await expect(start()).rejects.toThrow('is in use');
    await closeAll();
    const lock = join(folder, 'deep/data/lock');
    await expect(stat(lock)).rejects.toThrow('ENOENT');
    // No process has this number, because it is larger than the largest one.
    await writeFile(lock, '99999999');
    await start();
    await closeAll();
    await writeFile(lock, String(process.ppid));
    await expect(start()).rejects.toThrow(`End process ${process.ppid}`);
    await writeFile(lock, '');
    await expect(start()).rejects.toThrow('delete');
    await rm(lock);
  });

  test('belongs to one server, also under another name of the folder', async () => {
    await start();
    const other = join(folder, 'other');
    await symlink(join(folder, 'deep/data'), other);
    for (const data of [other, `${relative(process.cwd(), folder)}/deep/data`])
      await expect(serveLocalOss({ buckets: ['logs'], data }), data).rejects.toThrow('is in use');
  });

  test('of a dead server is taken by one process at a time', async () => {
    await start();
    await closeAll();
    const lock = join(folder, 'deep/data/lock');
    await writeFile(lock, '99999999');
    // This file says that another process is replacing the lock of the dead server at this moment.
    await writeFile(`${lock}.new`, String(process.ppid));
    await expect(start()).rejects.toThrow(`End process ${process.ppid}`);
    expect(await readFile(lock, 'utf8')).toBe('99999999');
    await rm(`${lock}.new`);
    await start();
    await expect(stat(`${lock}.new`)).rejects.toThrow('ENOENT');
  });

  test('is free again after a start that failed', async () => {
    const { url } = await start();
    const other = join(folder, 'other');
    const port = Number(new URL(url).port);
    await expect(serveLocalOss({ buckets: ['logs'], data: other, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    servers.push(await serveLocalOss({ buckets: ['logs'], data: other }));
  });

  test('that holds objects of another bucket is refused, and the message names the bucket', async () => {
    await storeThree();
    await closeAll();
    await expect(start(['photos'])).rejects.toThrow('--bucket logs');
    expect((await start(['photos', 'logs'])).oss.keys('logs')).toEqual(['a', 'b']);
  });

  test('keeps its key readable for its owner only, and a wrong key file is refused', async () => {
    await start();
    await closeAll();
    const keys = join(folder, 'deep/data/keys.json');
    if (process.platform !== 'win32') expect((await stat(keys)).mode & 0o777).toBe(0o600);
    for (const wrong of ['', '[]', '{}', '{"a":1}', 'null']) {
      await writeFile(keys, wrong);
      await expect(start(), wrong).rejects.toThrow(FileError);
    }
  });

  test('that cannot be made is refused', async () => {
    await writeFile(join(folder, 'file'), '');
    const data = join(folder, 'file/data');
    await expect(serveLocalOss({ buckets: ['logs'], data })).rejects.toThrow(FileError);
  });

  // Every write to this device of Linux fails, because it is always full.
  test.skipIf(!existsSync('/dev/full'))(
    'on a full disk leaves requests without an answer, and the server says so',
    async () => {
      await start();
      await closeAll();
      await rm(file());
      await symlink('/dev/full', file());
      const server = await start();
      const retry = { maxAttempts: 1 };
      const own = { region: 'cn-hangzhou', bucket: 'logs', endpoint: server.url, credentials: server.keys, retry };
      const client = new OssClient(own);
      expect((await fetch(`${server.url}/_local/health`)).status).toBe(200);
      await expect(client.headObject('a')).rejects.toThrow('NoSuchKey');
      await expect(client.appendObject('a', 'one', { position: 0 })).rejects.toMatchObject({ name: 'TransportError' });
      await expect(server.closed).rejects.toThrow(/^Cannot write .*ENOSPC/);
      await expect(client.headObject('a')).rejects.toMatchObject({ name: 'TransportError' });
      const health = await fetch(`${server.url}/_local/health`);
      expect([health.status, await health.json()]).toEqual([503, { status: 'failed', buckets: ['logs'] }]);
    },
  );
});
