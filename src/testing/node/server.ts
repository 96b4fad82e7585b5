/// <reference lib="esnext.disposable" preserve="true" />
// Serves LocalOss and LocalSts over HTTP, on one port.

import { LocalOss } from '../local-oss.ts';
import { LocalSts } from '../local-sts.ts';
import { type Served, serve } from './http.ts';
import { type AccessKeyPair, accessKeysOf, bucketsOf, rolesOf, type ServeLocalOssOptions } from './options.ts';
import { type Parts, router } from './routes.ts';

/** A LocalOss that listens. */
export interface LocalOssServer {
  /** The endpoint of the OSS, such as `http://127.0.0.1:9000`. Clients use path style there. */
  readonly url: string;
  /** The endpoint of the STS. It has the same address, because a call of STS can be told from a request to OSS. */
  readonly stsUrl: string;
  /** The first permanent key. It may do everything. */
  readonly keys: AccessKeyPair;
  /** The ARN of the first role of the STS. */
  readonly roleArn: string;
  /** The OSS itself, for example to read its objects, or to append as another client. */
  readonly oss: LocalOss;
  readonly sts: LocalSts;
  /** Ends the server and its connections. */
  close(): Promise<void>;
  /** The same as `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts an OSS and an STS on this machine, for tests and for development in any language.
 *
 * The promise rejects with a TypeError or a RangeError for a wrong option, and with the error of Node if the server
 * cannot listen (code `EADDRINUSE`: another program uses the port).
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
  const [accessKeys, roles] = [accessKeysOf(options), rolesOf(options)];
  const { clock = {}, faults = [], endpoints = [], port, host: hostname } = options;
  const oss = new LocalOss({ buckets, accessKeys, clock, faults, endpoints });
  const sts = new LocalSts({ oss, accessKeys, roles, clock });
  const domains = Object.values(buckets).flatMap(({ hosts = [] }) => hosts);
  const parts: Parts = { oss, sts, buckets: Object.keys(buckets), endpoints, domains };
  const served = await serve(router(parts), { port, hostname });
  const [[accessKeyId, accessKeySecret] = ['', '']] = Object.entries(accessKeys);
  const [roleArn = ''] = Object.keys(roles);
  return { ...endsOf(served), keys: { accessKeyId, accessKeySecret }, roleArn, oss, sts };
}

type Ends = Pick<LocalOssServer, 'url' | 'stsUrl' | 'close' | typeof Symbol.asyncDispose>;

function endsOf({ url, close }: Served): Ends {
  return { url, stsUrl: url, close, [Symbol.asyncDispose]: close };
}
