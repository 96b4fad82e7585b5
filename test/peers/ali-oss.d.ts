// Declares the parts of ali-oss 6.23 that the tests use. The package has no types, and half of these parts are missing
// in @types/ali-oss.

declare module 'ali-oss' {
  import type { Agent, IncomingHttpHeaders } from 'node:http';
  import type { Readable } from 'node:stream';

  export interface Options {
    readonly accessKeyId: string;
    readonly accessKeySecret: string;
    readonly stsToken?: string | undefined;
    readonly bucket: string;
    /** For example `oss-cn-hangzhou`. */
    readonly region: string;
    readonly endpoint?: string;
    readonly internal?: boolean;
    readonly cname?: boolean;
    /** Puts the bucket into the path of the URL. */
    readonly sldEnable?: boolean;
    readonly authorizationV4: boolean;
    /** Interval in ms. */
    readonly refreshSTSTokenInterval?: number;
    readonly agent?: Agent;
  }

  export interface WriteOptions {
    position?: number;
    mime?: string;
    meta?: Record<string, string>;
    headers?: Record<string, string>;
    additionalHeaders?: string[];
  }

  export interface ReadOptions {
    headers?: Record<string, string>;
    additionalHeaders?: string[];
  }

  export interface Answer {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
  }

  export interface Urllib {
    request(url: string, parameters: object): Promise<Answer>;
  }

  export interface Signable {
    readonly headers?: Record<string, string>;
    /** The value null makes a name without a value in the query. */
    readonly queries?: Record<string, string | number | null>;
  }

  /** A Buffer, the path of a file as a string, or a stream. */
  export type Contents = Buffer | string | Readable;

  /** An object in a list. */
  export interface Listed {
    readonly name: string;
    readonly size: number;
    readonly type: string;
  }

  export default class OSS {
    constructor(options: Options);
    /** The HTTP client that sends the requests. */
    urllib: Urllib;
    append(
      key: string,
      contents: Contents,
      options?: WriteOptions,
    ): Promise<{ nextAppendPosition: string; res: Answer }>;
    put(key: string, contents: Contents, options?: WriteOptions): Promise<{ res: Answer }>;
    get(key: string, options?: ReadOptions): Promise<{ content: Buffer; res: Answer }>;
    head(
      key: string,
      options?: ReadOptions,
    ): Promise<{ status: number; meta: Record<string, string> | null; res: Answer }>;
    getObjectMeta(key: string): Promise<{ status: number; res: Answer }>;
    delete(key: string): Promise<{ res: Answer }>;
    signatureUrlV4(
      method: string,
      expires: number,
      request: Signable | undefined,
      key: string,
      additionalHeaders?: string[],
    ): Promise<string>;
    list(
      query: object,
      options: object,
    ): Promise<{ objects: Listed[]; nextMarker: string | null; isTruncated: boolean }>;
    listV2(query: object): Promise<{
      objects: Listed[];
      prefixes: string[] | null;
      isTruncated: boolean;
      nextContinuationToken: string | null;
    }>;
    getACL(key: string): Promise<{ acl: string }>;
    getObjectTagging(key: string): Promise<{ tag: Record<string, string> }>;
    putObjectTagging(key: string, tag: Record<string, string>): Promise<unknown>;
    copy(key: string, source: string): Promise<unknown>;
    putBucket(name: string): Promise<unknown>;
    getBucketInfo(name: string): Promise<{ bucket: { Name: string; Location: string } }>;
    putBucketCORS(name: string, rules: Record<string, string>[]): Promise<unknown>;
    getBucketCORS(name: string): Promise<{ rules: Record<string, string>[] }>;
    deleteBucketCORS(name: string): Promise<unknown>;
  }
}
