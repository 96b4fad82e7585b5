// The peers, from their own folder, and the little of each that is measured. They are no dependencies of the project.
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** ali-oss: the client that most pages use today. */
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

/** aws4fetch: V4 signatures of the service that OSS's are like, on Web Crypto. */
export interface AwsSigner {
  sign(): Promise<unknown>;
}

/** tiny-oss: an upload client for browsers; V1 signatures (one HMAC-SHA1) only. */
export interface TinyOss {
  signatureUrl(key: string, options: { expires: number }): string;
}

/** hash-wasm: hashes as WebAssembly. */
export interface WasmHash {
  init(): WasmHash;
  update(data: Uint8Array): WasmHash;
  digest(): string;
}

/** What the peers export. */
export interface Peers {
  readonly AliOss: new (options: Readonly<Record<string, unknown>>) => AliOss;
  readonly AwsV4Signer: new (options: Readonly<Record<string, unknown>>) => AwsSigner;
  readonly TinyOss: new (options: Readonly<Record<string, unknown>>) => TinyOss;
  readonly createCRC64: () => Promise<WasmHash>;
  /** Where a file of a package lies. */
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
