// The options of the command.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { BucketOptions } from '../buckets.ts';
import { type CorsRule, checkCorsRules } from '../cors.ts';
import { readCors } from '../cors-xml.ts';
import { FileError } from './failure.ts';
import { scheduleOf } from './fault-rule.ts';
import type { ServeLocalOssOptions } from './options.ts';

/** What the arguments ask for. */
export interface Arguments {
  readonly options: Omit<ServeLocalOssOptions, 'buckets'> & {
    readonly buckets: Readonly<Record<string, BucketOptions>>;
  };
  readonly log: boolean;
  readonly quiet: boolean;
  readonly help: boolean;
  readonly version: boolean;
}

/** An argument that the command does not understand. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** The text of `--help`. docs/local.md has a row for each option. */
export const HELP = `oss-append-local: an Alibaba Cloud OSS and STS on this machine, for tests and for development

  npx -p oss-append oss-append-local --bucket logs --port 9000

  --bucket NAME[:REGION]    a bucket (may be repeated; default region: --region)
  --region REGION           the region of buckets without their own (default cn-hangzhou)
  --port NUMBER             the port (default 9000; 0 means any free port)
  --host ADDRESS            the address to listen on (default 127.0.0.1: only this machine)
  --endpoint NAME           a name by which clients call this server (may be repeated)
  --access-key ID:SECRET    a permanent key (may be repeated; default: a random one, which is printed)
  --role ARN                a role of the STS (may be repeated; default acs:ram::1000000000000000:role/local)
  --cors FILE               the CORS rules of all buckets, as XML or JSON (default: open to pages of localhost)
  --data FOLDER             keep objects and buckets in this folder, so that they survive a restart
  --fault KIND[:SETTINGS]   a fault, such as drop-after:every=3 (may be repeated)
  --log                     print one line for each request
  --quiet                   print only errors, warnings and what --log asks for
  --help, --version

Ctrl-C ends it. The guide is docs/local.md in the package.
`;

const OPTIONS = {
  bucket: { type: 'string', multiple: true },
  region: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  endpoint: { type: 'string', multiple: true },
  'access-key': { type: 'string', multiple: true },
  role: { type: 'string', multiple: true },
  cors: { type: 'string' },
  data: { type: 'string' },
  fault: { type: 'string', multiple: true },
  log: { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
} as const;

/** The port of the command, if none is given. */
const PORT = '9000';

/**
 * Reads the arguments, and the file of CORS rules if they name one.
 *
 * @throws {UsageError} says what to type instead.
 * @throws {FileError} if the file of CORS rules cannot be used.
 */
export async function readArguments(args: readonly string[]): Promise<Arguments> {
  const { log, quiet, help, version, ...values } = parse(args);
  if (help || version) return { options: { buckets: {} }, log, quiet, help, version };
  const { data, host, endpoint: endpoints = [], fault: faults = [], cors } = values;
  const options = {
    buckets: bucketsOf(values),
    port: portOf(values.port),
    host,
    endpoints: endpoints.map(endpointOf),
    accessKeys: accessKeysOf(values['access-key'] ?? []),
    roles: Object.fromEntries((values.role ?? []).map((arn) => [roleOf(arn), {}])),
    faults: checkedFaults(faults),
    data: data === undefined ? undefined : folderOf(data),
  };
  // Otherwise nobody would ever know the random key.
  if (quiet && !data && !values['access-key'])
    throw new UsageError('--quiet hides the random key: type --access-key ID:SECRET as well');
  const rules = cors === undefined ? {} : withRules(options.buckets, await readRules(cors));
  return { options: { ...options, ...rules }, log, quiet, help, version };
}

type Buckets = Arguments['options']['buckets'];

function withRules(buckets: Buckets, { rules, responseVary }: Rules): { cors: readonly CorsRule[]; buckets: Buckets } {
  const all = Object.entries(buckets).map(([name, options]) => [name, { ...options, responseVary }] as const);
  return { cors: rules, buckets: Object.fromEntries(all) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    // The message of Node goes on with advice, in the same line or in the next ones.
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split(/\.(?:\s|$)/);
    throw new UsageError(`${reason}. Type --help for the options`, { cause });
  }
}

function bucketsOf({ bucket = [], region = 'cn-hangzhou' }: { bucket?: string[]; region?: string }) {
  if (!region) throw new UsageError('--region takes a region, found no name: type --region cn-hangzhou');
  if (bucket.length === 0) throw new UsageError('A bucket is missing: type --bucket logs');
  const named = bucket.map((text) => bucketOf(text, region));
  refuseTwice('--bucket', named);
  return Object.fromEntries(named);
}

/** @throws {UsageError} if two entries have one name, because the second one would silently win. */
function refuseTwice(option: string, named: readonly (readonly [name: string, value: unknown])[]): void {
  const [twice] = named.find(([name], index) => named.findIndex(([other]) => other === name) < index) ?? [];
  if (twice) throw new UsageError(`${option} ${twice} is given twice: type it once`);
}

function bucketOf(text: string, region: string): [name: string, options: BucketOptions] {
  const [name = '', own = region, ...others] = text.split(':');
  if (others.length === 0 && own) return [name, { region: own }];
  throw new UsageError(`--bucket takes a name and a region, found "${text}": type --bucket logs:cn-hangzhou`);
}

function folderOf(path: string): string {
  if (path) return path;
  throw new UsageError('--data takes a folder, found no name: type --data oss-data');
}

function portOf(text: string = PORT): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`--port must be a number from 0 to 65535, found "${text}": type --port ${PORT}`);
}

function endpointOf(name: string): string {
  if (/^[a-z0-9.-]+$/i.test(name)) return name.toLowerCase();
  throw new UsageError(`--endpoint takes a host name without a port, found "${name}": type --endpoint oss`);
}

function accessKeysOf(texts: readonly string[]): Readonly<Record<string, string>> {
  const keys = texts.map(accessKeyOf);
  refuseTwice('--access-key', keys);
  return Object.fromEntries(keys);
}

function accessKeyOf(text: string): [id: string, secret: string] {
  const colon = text.indexOf(':');
  if (colon > 0 && colon < text.length - 1) return [text.slice(0, colon), text.slice(colon + 1)];
  // The text is not repeated, because a log may keep what the command prints.
  throw new UsageError('--access-key needs an ID and a secret: type --access-key LTAIexample:secret');
}

function roleOf(arn: string): string {
  if (/^acs:ram::\d+:role\/.+$/.test(arn)) return arn;
  throw new UsageError(`--role takes an ARN, found "${arn}": type --role acs:ram::1000000000000000:role/local`);
}

function checkedFaults(faults: readonly string[]): readonly string[] {
  try {
    scheduleOf(faults);
    return faults;
  } catch (cause) {
    throw new UsageError(`--fault ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

interface Rules {
  readonly rules: readonly CorsRule[];
  readonly responseVary: boolean;
}

/** Reads the rules in OSS's XML or in JSON. @throws {FileError} */
async function readRules(path: string): Promise<Rules> {
  try {
    const text = await readFile(path, 'utf8');
    return /^\s*</.test(text) ? readCors(text) : { rules: rulesOf(JSON.parse(text)), responseVary: false };
  } catch (cause) {
    throw new FileError(`Cannot use the CORS rules of ${path}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
}

function rulesOf(rules: unknown): readonly CorsRule[] {
  if (!Array.isArray(rules) || !rules.every(isRule)) {
    const example = '[{ "allowedOrigins": ["http://localhost:*"], "allowedMethods": ["GET"] }]';
    throw new TypeError(`it must be the XML of PutBucketCors, or a list such as ${example}`);
  }
  checkCorsRules(rules);
  return rules;
}

const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];

function isRule(rule: unknown): rule is CorsRule {
  if (typeof rule !== 'object' || rule === null) return false;
  const {
    allowedOrigins,
    allowedMethods,
    allowedHeaders = [],
    exposeHeaders = [],
    maxAgeSeconds = 0,
    ...others
  } = rule as Record<string, unknown>;
  const lists = [allowedOrigins, allowedMethods, allowedHeaders, exposeHeaders];
  const areTexts = lists.every((list) => Array.isArray(list) && list.every((one) => typeof one === 'string'));
  const areMethods = areTexts && (allowedMethods as string[]).every((method) => METHODS.includes(method));
  return areMethods && Number.isInteger(maxAgeSeconds) && Object.keys(others).length === 0;
}
