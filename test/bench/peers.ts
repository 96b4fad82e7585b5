// Loads the peers from test/peers, and declares only the functions that the benchmark measures. The peers are not
// dependencies of the project.
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** ali-oss is the client that most pages use today. */
export interface AliOss {
  authorizationV4(
    method: string,
    request: { headers: Record<string, string>; queries: Record<string, string | null> },
    bucket: string,
    key: string,
    additionalHeaders?: readonly string[],
  ): string;
  signatureUrlV4(
    method: string,
    expires: number,
    request: { headers: Record<string, string>; queries: Record<string, string | null> },
    key: string,
  ): Promise<string>;
}

/** aws4fetch makes AWS V4 signatures with Web Crypto. The V4 signatures of OSS follow the same steps. */
export interface AwsSigner {
  sign(): Promise<unknown>;
}

/** tiny-oss is an upload client for browsers. It only makes V1 signatures, which are one HMAC-SHA1. */
export interface TinyOss {
  signatureUrl(key: string, options: { expires: number }): string;
}

/** hash-wasm computes hashes in WebAssembly. */
export interface WasmHash {
  init(): WasmHash;
  update(data: Uint8Array): WasmHash;
  digest(): string;
}

/** The exports of the peers. */
export interface Peers {
  readonly AliOss: new (options: Readonly<Record<string, unknown>>) => AliOss;
  readonly AwsV4Signer: new (options: Readonly<Record<string, unknown>>) => AwsSigner;
  readonly TinyOss: new (options: Readonly<Record<string, unknown>>) => TinyOss;
  readonly createCRC64: () => Promise<WasmHash>;
  /** Returns the path of a file in a package. */
  resolve(name: string): string;
}

export function loadPeers(root: string): Peers {
  const require = createRequire(join(root, 'test/peers/package.json'));
  const tiny = require('tiny-oss');
  return {
    AliOss: require('ali-oss'),
    AwsV4Signer: require('aws4fetch').AwsV4Signer,
    TinyOss: tiny.default ?? tiny,
    createCRC64: require('hash-wasm').createCRC64,
    resolve: (name) => require.resolve(name),
  };
}
