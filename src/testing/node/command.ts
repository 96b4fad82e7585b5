// The command oss-append-local: reads its arguments, serves until it is asked to end, and returns its exit code.

import { readFile } from 'node:fs/promises';
import { type Arguments, HELP, readArguments, UsageError } from './arguments.ts';
import { EXIT, FileError } from './failure.ts';
import type { ServedRequest } from './options.ts';
import { type LocalOssServer, serveLocalOss } from './server.ts';

/** What the command needs from its process. */
export interface Io {
  /** Prints a line for the reader. */
  out(line: string): void;
  /** Prints a warning or an error. */
  err(line: string): void;
  /** Returns the time in ms since the epoch. */
  now(): number;
  /** Resolves when the command is asked to end. */
  readonly ended: Promise<void>;
}

/** Runs the command, and resolves to its exit code. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    const all = await readArguments(args);
    if (all.help) io.out(HELP.trimEnd());
    else if (all.version) io.out(await versionOf());
    else await serveUntilEnd(all, io);
    return EXIT.done;
  } catch (error) {
    io.err(`oss-append-local: ${error instanceof Error ? error.message : error}`);
    return exitCodeOf(error);
  }
}

/** These errors of `listen` are about the address or the port. */
const LISTEN = ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'];

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError || error instanceof RangeError) return EXIT.usage;
  if (error instanceof FileError) return EXIT.file;
  return error instanceof ListenError ? EXIT.listen : EXIT.unexpected;
}

class ListenError extends Error {}

async function serveUntilEnd({ options, log, quiet }: Arguments, io: Io): Promise<void> {
  const onrequest = (request: ServedRequest) => log && io.out(lineOf(request, io.now()));
  const server = await serveLocalOss({ ...options, onrequest }).catch((error: NodeJS.ErrnoException) => {
    throw LISTEN.includes(error.code ?? '') ? cannotListen(options, error) : error;
  });
  try {
    if (!isLoopback(options.host)) io.err(warningOf(options));
    if (server.cut > 0) io.err(`Cut ${server.cut} bytes of an unfinished record from the data folder.`);
    if (!quiet) io.out(greetingOf(server, options));
    await Promise.race([io.ended, server.closed]);
  } finally {
    await server.close();
  }
}

function cannotListen({ host = '127.0.0.1', port }: Arguments['options'], error: NodeJS.ErrnoException): ListenError {
  if (error.code === 'EADDRINUSE') {
    return new ListenError(`Another program uses port ${port} of ${host}: type --port 0 for any free port`);
  }
  return new ListenError(`Cannot listen on ${host}, port ${port}: ${error.message}`);
}

function isLoopback(host = '127.0.0.1'): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

function warningOf({ host }: Arguments['options']): string {
  return `Warning: with --host ${host}, other machines reach this server. Everybody there can see its page, with the names of all objects.`;
}

/** The lines can be pasted into a shell, because those that are not for the shell are comments. */
function greetingOf(
  { url, stsUrl, pageUrl, keys, roleArn }: LocalOssServer,
  { buckets }: Arguments['options'],
): string {
  const [[bucket, region] = ['', '']] = Object.entries(buckets).map(([name, { region }]) => [name, region] as const);
  const variables = {
    OSS_ENDPOINT: url,
    OSS_REGION: region,
    OSS_BUCKET: bucket,
    OSS_ACCESS_KEY_ID: keys.accessKeyId,
    OSS_ACCESS_KEY_SECRET: keys.accessKeySecret,
    OSS_STS_ENDPOINT: stsUrl,
    OSS_ROLE_ARN: roleArn,
  };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
  const names = Object.keys(buckets).join(', ');
  const first = `# oss-append-local serves ${names}. See its requests at ${pageUrl}`;
  return [first, ...lines, `# Try it: curl ${pageUrl}health`, '# Ctrl-C ends it.'].join('\n');
}

function quoted(text: string): string {
  return /^[\w:/.@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Returns one line. The key is percent-encoded, so that no character of it can begin another line. */
function lineOf({ method, operation, bucket, key, position, status, fault }: ServedRequest, now: number): string {
  const path = encodeURIComponent(`${bucket}/${key}`).replaceAll('%2F', '/');
  const facts = [
    position === undefined ? [] : `position=${position}`,
    fault === undefined ? [] : `fault=${fault.replaceAll(' ', ',')}`,
  ];
  return [new Date(now).toISOString(), status ?? '-', method, operation, path, ...facts.flat()].join(' ');
}

async function versionOf(): Promise<string> {
  const path = new URL('../../../package.json', import.meta.url);
  return JSON.parse(await readFile(path, 'utf8')).version;
}
