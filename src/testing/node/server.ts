/// <reference lib="esnext.disposable" preserve="true" />
// Serves LocalOss and LocalSts over HTTP, on one port.

import type { BucketOptions } from '../buckets.ts';
import type { FaultSchedule } from '../faults.ts';
import { LocalOss } from '../local-oss.ts';
import { LocalSts } from '../local-sts.ts';
import { DataFolder } from './data.ts';
import { type FaultRule, scheduleOf } from './fault-rule.ts';
import { type Served, serve } from './http.ts';
import { type AccessKeyPair, bucketsOf, randomKey, rolesOf, type ServeLocalOssOptions } from './options.ts';
import { OWN_PATHS, router } from './routes.ts';

/** A LocalOss that listens. */
export interface LocalOssServer {
  /** The endpoint of the OSS, such as `http://127.0.0.1:9000`. Clients use path style there. */
  readonly url: string;
  /** The endpoint of the STS. It has the same address, because a call of STS looks different from a request to OSS. */
  readonly stsUrl: string;
  /** A page that shows the buckets, the objects, the requests and the faults. */
  readonly pageUrl: string;
  /** The first permanent key. It may do everything. */
  readonly keys: AccessKeyPair;
  /** The ARN of the first role of the STS. */
  readonly roleArn: string;
  /** The OSS itself, for example to read its objects, or to append as another client. */
  readonly oss: LocalOss;
  readonly sts: LocalSts;
  /**
   * Resolves after `close`. It rejects if the data folder cannot be written. From then on the server answers no request
   * to the OSS, and you should close it.
   */
  readonly closed: Promise<void>;
  /** The number of bytes of an unfinished record that were cut from the data folder at the start. */
  readonly cut: number;
  /** Ends the server and its connections. */
  close(): Promise<void>;
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an OSS and an STS on this machine, for tests and for development in any language.
 *
 * The promise rejects with a TypeError or a RangeError for a wrong option, with a `FileError` if the data folder cannot
 * be used, and with the error of Node if the server cannot listen (code `EADDRINUSE`: another program uses the port).
 *
 * ```ts
 * import { append, OssClient } from 'oss-append';
 * import { serveLocalOss } from 'oss-append/testing/node';
 *
 * const server = await serveLocalOss({ buckets: ['logs'] });
 * const { url: endpoint, keys: credentials } = server;
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', endpoint, credentials });
 * await append(client, 'a.log', 'hello');
 * await server.close();
 * ```
 */
export async function serveLocalOss(options: ServeLocalOssOptions): Promise<LocalOssServer> {
  const buckets = bucketsOf(options);
  const faults = faultsOf(options);
  // To Node, an empty address means every address. An unset variable of a script must not open the server.
  if (options.host === '') throw new RangeError('The host is empty. It must be an address, such as 127.0.0.1');
  const data = options.data === undefined ? undefined : await DataFolder.open(options.data);
  try {
    const cloud = await makeCloud(options, { buckets, schedule: faults.schedule, data });
    const cut = (await data?.restore(cloud.oss)) ?? 0;
    const served = await listen(options, { ...cloud, buckets, rules: faults.rules, data });
    return { ...cloud, cut, ...addressesOf(served), ...endOf(served, data) };
  } catch (error) {
    await data?.close();
    throw error;
  }
}

interface Faults {
  readonly schedule: FaultSchedule;
  /** The faults that are written as text. */
  readonly rules: readonly FaultRule[];
}

function faultsOf({ faults = [] }: ServeLocalOssOptions): Faults {
  if (isTexts(faults)) return scheduleOf(faults);
  return { schedule: faults, rules: [] };
}

function isTexts(faults: FaultSchedule | readonly string[]): faults is readonly string[] {
  return typeof faults !== 'function' && faults.every((one) => typeof one === 'string');
}

type Cloud = Pick<LocalOssServer, 'oss' | 'sts' | 'keys' | 'roleArn'>;

interface Ground {
  readonly buckets: Readonly<Record<string, BucketOptions>>;
  readonly schedule: FaultSchedule;
  readonly data: DataFolder | undefined;
}

async function makeCloud(options: ServeLocalOssOptions, { buckets, schedule, data }: Ground): Promise<Cloud> {
  const { clock = {}, endpoints = [], onrequest = () => {} } = options;
  const accessKeys = await accessKeysOf(options, data);
  const store = data && { store: data.journal };
  const oss = new LocalOss({ buckets, accessKeys, clock, faults: schedule, endpoints, onrequest, ...store });
  const roles = rolesOf(options);
  const sts = new LocalSts({ oss, accessKeys, roles, clock });
  const [[accessKeyId, accessKeySecret] = ['', '']] = Object.entries(accessKeys);
  const [roleArn = ''] = Object.keys(roles);
  return { oss, sts, keys: { accessKeyId, accessKeySecret }, roleArn };
}

async function accessKeysOf({ accessKeys = {} }: ServeLocalOssOptions, data: DataFolder | undefined) {
  if (Object.keys(accessKeys).length > 0) return accessKeys;
  return (await data?.accessKeys()) ?? randomKey();
}

interface Site extends Cloud {
  readonly buckets: Readonly<Record<string, BucketOptions>>;
  readonly rules: readonly FaultRule[];
  readonly data: DataFolder | undefined;
}

function listen(options: ServeLocalOssOptions, { oss, sts, buckets, rules, data }: Site): Promise<Served> {
  const { endpoints = [], onrequest = () => {}, port, host: hostname } = options;
  const hasFailed = () => data?.journal.failure !== undefined;
  return serve(router({ oss, sts, buckets, rules, endpoints, onrequest, hasFailed }), {
    port,
    hostname,
    lenient: true,
  });
}

function addressesOf({ url }: Served): Pick<LocalOssServer, 'url' | 'stsUrl' | 'pageUrl'> {
  return { url, stsUrl: url, pageUrl: url + OWN_PATHS };
}

function endOf(
  served: Served,
  data: DataFolder | undefined,
): Pick<LocalOssServer, 'closed' | 'close' | typeof Symbol.asyncDispose> {
  let end: Promise<void> | undefined;
  let resolve = () => {};
  const closed = new Promise<void>((done, fail) => {
    resolve = done;
    data?.journal.onfailure(fail);
  });
  // A caller that does not watch `closed` still sees that no request is answered.
  closed.catch(() => {});
  const close = () => {
    end ??= closeAll(served, data).then(resolve);
    return end;
  };
  return { closed, close, [Symbol.asyncDispose]: close };
}

async function closeAll(served: Served, data: DataFolder | undefined): Promise<void> {
  await served.close();
  await data?.close();
}
