/** The options of the plugin, and their checks. */

import type { Body, Meta, PluginOpts, UppyFile } from '@uppy/core';
import type { AppendClient } from '../append/client.ts';
import { type AppendableObjectOptions, checkObjectOptions } from '../append/object.ts';
import { checkFunction, checkObject, checkType, checkWholeNumber } from '../check.ts';
import type { OssClient } from '../request/client.ts';

/** A client that can append: an `OssClient`, a `PresignedClient`, or another object with the methods of one. */
export type UploadClient = AppendClient & Partial<Pick<OssClient, 'presignHeadObject'>>;

/**
 * The settings of the uploader: the client, the keys, and the options of `AppendableObject`. `tail` and `shared` are
 * left out, because a file is resumed as a whole and has one writer.
 */
export interface OssAppendOptions<M extends Meta = Meta, B extends Body = Body>
  extends PluginOpts,
    Omit<AppendableObjectOptions, 'tail' | 'shared' | 'headers'> {
  /** Sends the requests. A function chooses a client for each file, for example one for each bucket. */
  readonly client: UploadClient | ((file: UppyFile<M, B>) => UploadClient);
  /**
   * Returns the key of the object for a file, at once and not as a promise. The function is called when the upload of
   * the file begins, and the key is stored in the state of the file (`file.ossAppend.key`). So a retry, and Golden
   * Retriever after a reload, use the same key again. The function is called again only if the object holds other bytes
   * than the file, or takes no more appends. If the key depends only on the file, a user can pick the same file on
   * another day, and the upload goes on.
   */
  readonly key: (file: UppyFile<M, B>) => string;
  /** The number of files that are uploaded at the same time. 0 means no limit. Default 5. */
  readonly limit?: number | undefined;
  /** The headers of new objects, or a function that returns the headers for a file. */
  readonly headers?:
    | AppendableObjectOptions['headers']
    | ((file: UppyFile<M, B>) => Readonly<Record<string, string>> | undefined);
  /**
   * Returns the URL that `upload-success` reports. Default: the address of the object without a query, or nothing if the
   * client does not know it (a `PresignedClient`).
   */
  readonly url?: ((key: string, file: UppyFile<M, B>) => string) | undefined;
}

/** The body of `upload-success`: what is stored. Use it as the second type argument of `Uppy`. */
export type OssAppendBody = {
  /** The key of the object. */
  key: string;
  /** The length of the object, bytes. */
  position: number;
  /** The CRC-64 of the object, in decimal. It is missing if CORS hides it. */
  hashCrc64ecma?: string;
};

/** The limit if none is given. A browser has six connections to a host over HTTP/1.1, and one stays free. */
const LIMIT = 5;

/** @throws TypeError or RangeError for options that can upload no file. */
export function checkOptions<M extends Meta, B extends Body>(options: OssAppendOptions<M, B>): void {
  checkObject('options', options);
  const { client, key, limit = LIMIT, headers, url } = options;
  const methods = ['appendObject', 'headObject', 'getObject'] as const;
  const isClient = typeof client === 'function' || methods.every((name) => typeof client?.[name] === 'function');
  checkType(isClient, 'client must be an OssClient, a PresignedClient, or a function that returns one for a file');
  checkType(typeof key === 'function', 'key must be a function that returns the key of the object for a file');
  checkWholeNumber('limit', limit);
  checkFunction('url', url);
  for (const name of ['tail', 'shared'])
    checkType(!(name in options), `${name} is not an option of the uploader: a file is resumed, and has one writer`);
  // The headers that a function returns are checked when its file is uploaded.
  checkObjectOptions({ ...options, headers: typeof headers === 'function' ? undefined : headers });
}

/** Returns how many files may be in flight at once. */
export function limitOf({ limit = LIMIT }: { readonly limit?: number | undefined }): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/**
 * Checks the result of an option that is a function, and returns the result.
 *
 * @throws TypeError if the result is a promise. Otherwise, for example, a promise of `headers` would mean no headers.
 */
export function checkNoPromise<T>(option: string, { name }: { readonly name: string }, result: T): T {
  const { then } = Object(result);
  if (typeof then !== 'function') return result;
  // Nobody else handles the rejection of this promise.
  Promise.resolve(result).catch(() => {});
  throw new TypeError(
    `${option} returned a promise for "${name}". Do this work in a preprocessor of Uppy, and keep its result with setFileMeta`,
  );
}
