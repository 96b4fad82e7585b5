/**
 * The plugin: it follows Uppy's state, and reports to Uppy what is stored. Uppy keeps in its state which files exist and
 * which are paused, and calls `update` after each change. So pause, resume, cancel and removal need no event, and every
 * way to change the state works: one file, all files, `clear()`, or another plugin.
 */

import { BasePlugin, type Body, type Meta, type State, type Uppy, type UppyEventMap, type UppyFile } from '@uppy/core';
import { AppendableObject } from '../append/object.ts';
import { isBlob } from '../bytes.ts';
import { AppendConflictError, ChecksumError } from '../errors.ts';
import { takesNoAppends } from '../failure-kind.ts';
import { locale, type Translate } from './locale.ts';
import {
  checkNoPromise,
  checkOptions,
  limitOf,
  type OssAppendBody,
  type OssAppendOptions,
  type UploadClient,
} from './options.ts';
import { Queue } from './queue.ts';
import { Throttle } from './throttle.ts';
import { type Stored, Transfer } from './transfer.ts';
import { statusOf, toUploadError, UploadError } from './upload-error.ts';

/** What the plugin keeps in the state of a file. */
export interface OssAppendFileState {
  /** The key of the object, which was chosen when the upload of the file began. */
  readonly key: string;
}

declare module '@uppy/core' {
  export interface PluginTypeRegistry<M extends Meta, B extends Body> {
    OssAppend: OssAppend<M, B>;
  }
}

declare module '@uppy/core/utils' {
  export interface LocalUppyFile<M extends Meta, B extends Body> {
    ossAppend?: OssAppendFileState | undefined;
  }
}

/**
 * An uploader for Uppy 6. Each file is appended to an object of its own, every byte exactly once. After a retry, a
 * reload with Golden Retriever, a lost network or an expired token, the upload goes on where the object ends. Before
 * that, the plugin checks that the object begins with this file.
 *
 * The progress is the number of bytes that are confirmed as stored. `upload-success` carries the URL, and the key, the
 * length and the CRC-64 of the object ({@link OssAppendBody}). `upload-error` carries an {@link UploadError}.
 *
 * @throws TypeError or RangeError for impossible options. Everything else is reported by `upload-error`.
 * @example
 * ```ts
 * import Uppy from '@uppy/core';
 * import { credentialsFromUrl, OssClient } from 'oss-append';
 * import { OssAppend, type OssAppendBody } from 'oss-append/uppy';
 *
 * const client = new OssClient({ region: 'cn-hangzhou', bucket: 'my-uploads', credentials: credentialsFromUrl('/sts') });
 * const uppy = new Uppy<Record<string, unknown>, OssAppendBody>().use(OssAppend, {
 *   client,
 *   key: (file) => `inbox/u1/${file.name}`,
 * });
 * uppy.on('upload-success', (file, { body }) => console.log(file?.name, body?.key, body?.position));
 * ```
 * @see https://uppy.io/docs/uppy/#working-with-uppy-files
 */
export class OssAppend<M extends Meta, B extends Body> extends BasePlugin<OssAppendOptions<M, B>, M, B> {
  /** Shows Vue that this is not a plain object. Vue would make a proxy, and a proxy cannot reach private members. */
  get [Symbol.toStringTag](): string {
    return 'OssAppend';
  }

  readonly #queue: Queue<Transfer> = new Queue();
  /** The files that wait, are uploaded or are paused, by their ids. */
  readonly #transfers = new Map<string, Transfer>();
  /** The ids of files that have failed while other files of the same upload go on. */
  readonly #failed = new Set<string>();

  constructor(uppy: Uppy<M, B>, options: OssAppendOptions<M, B>) {
    checkOptions(options);
    super(uppy, options);
    this.type = 'uploader';
    this.id = options.id ?? 'OssAppend';
    this.defaultLocale = locale;
    this.i18nInit();
  }

  override install(): void {
    this.#tellResumable(true);
    this.uppy.addUploader(this.#upload);
    this.uppy.on('resume-all', this.#retryStranded);
  }

  /** Stops everything. A file that is in flight fails, so that it can be retried with another uploader. */
  override uninstall(): void {
    this.#tellResumable(false);
    this.uppy.removeUploader(this.#upload);
    this.uppy.off('resume-all', this.#retryStranded);
    for (const transfer of this.#transfers.values()) {
      const message = this.#translate('uninstalled', { name: transfer.name });
      this.#fail(transfer, new UploadError(message, { code: 'Uninstalled' }));
    }
  }

  override setOptions(options: Partial<OssAppendOptions<M, B>>): void {
    checkOptions({ ...this.opts, ...options });
    super.setOptions(options);
  }

  /** Uppy calls this after each change of its state. */
  override update({ files }: Partial<State<M, B>>): void {
    if (!files) return;
    for (const transfer of this.#transfers.values()) this.#follow(transfer, files[transfer.id]);
    this.#startNext();
  }

  readonly #translate: Translate = (text, values) => this.i18n(text, values);

  #tellResumable(resumableUploads: boolean): void {
    this.uppy.setState({ capabilities: { ...this.uppy.getState().capabilities, resumableUploads } });
  }

  /** Uploads files, and resolves when all have ended. It never rejects: each file has its own `upload-error`. */
  readonly #upload = async (fileIds: string[], uploadId: string): Promise<void> => {
    const files = this.uppy
      .getFilesByIds(fileIds)
      .filter((file) => file && !file.error && !file.progress.uploadComplete);
    const added = files.filter(({ id }) => !this.#transfers.has(id));
    // A file that Golden Retriever restored keeps its start and its progress.
    const starting = added.filter(({ isRestored, progress }) => !progress.uploadStarted || !isRestored);
    this.#emit('upload-start', starting);
    const ids = added.map(({ id }) => id);
    this.#showButtons(ids);
    this.#add(ids);
    await this.#ended(uploadId);
    this.#dropCleared(uploadId);
    for (const id of this.#idsOf(uploadId)) this.#failed.delete(id);
  };

  /**
   * Returns the ids of the files that still belong to an upload. A file that was removed and added again has the same
   * id, but it belongs to a later upload. Uppy removes the id from the list of the earlier upload, except after
   * `uppy.clear()`. In that case the file is recognised because its own upload has not started.
   */
  #idsOf(uploadId: string): string[] {
    const { files, currentUploads } = this.uppy.getState();
    const belongs = ({ error, progress }: UppyFile<M, B>) => error || progress.uploadStarted || progress.uploadComplete;
    return currentUploads[uploadId]?.fileIDs.filter((id) => files[id] && belongs(files[id])) ?? [];
  }

  /** Drops files that `uppy.clear()` has removed from the list of the upload, because Uppy itself leaves them there. */
  #dropCleared(uploadId: string): void {
    const { [uploadId]: upload, ...others } = this.uppy.getState().currentUploads;
    const fileIDs = this.#idsOf(uploadId);
    if (!upload || fileIDs.length === upload.fileIDs.length) return;
    const rest = fileIDs.length > 0 ? { [uploadId]: { ...upload, fileIDs } } : {};
    this.uppy.setState({ currentUploads: { ...others, ...rest } });
  }

  /**
   * Sets the progress of new files to 0 %. The Dashboard shows the buttons of a file (pause, retry) only if it has a
   * percentage. A file that fails before its first progress would have no button to retry it.
   */
  #showButtons(fileIds: readonly string[]): void {
    const files = fileIds.flatMap((id) => this.uppy.getFile(id) ?? []);
    const patches = files.map(({ id, progress }) => [
      id,
      { progress: { ...progress, percentage: progress.percentage ?? 0 } },
    ]);
    this.uppy.patchFilesState(Object.fromEntries(patches));
  }

  /** Waits for all transfers of an upload, including those of files that are retried in the meantime. */
  async #ended(uploadId: string): Promise<void> {
    for (;;) {
      const transfers = this.#idsOf(uploadId).flatMap((id) => this.#transfers.get(id) ?? []);
      if (transfers.length === 0) return;
      await Promise.all(transfers.map(({ ended }) => ended));
    }
  }

  /** Prepares the transfers of new files. A file that cannot be uploaded fails here, before any request. */
  #add(fileIds: readonly string[]): void {
    for (const id of fileIds) {
      const file = this.uppy.getFile(id);
      if (!file) continue;
      this.#failed.delete(id);
      try {
        this.#transfers.set(id, this.#prepare(file));
      } catch (error) {
        this.#failed.add(id);
        this.#reportFailure(id, error);
      }
    }
    // A listener of `upload-error` may have removed files in the meantime. The transfers of these files are gone, too.
    const transfers = fileIds.flatMap((id) => this.#transfers.get(id) ?? []);
    const states = transfers.map(({ id, key }) => [id, { ossAppend: { key } }]);
    // The change of the state makes Uppy call `update`, which puts the transfers into the queue.
    this.uppy.patchFilesState(Object.fromEntries(states));
  }

  #prepare(file: UppyFile<M, B>): Transfer {
    const { id, name } = file;
    const blob = this.#blobOf(file);
    const client = this.#clientFor(file);
    const object = this.#objectFor(file, client);
    // Another client may use another bucket, and then the same key names another object.
    const owner = [...this.#transfers.values()].find((other) => other.key === object.key && other.client === client);
    if (owner) throw this.#refusal('keyInUse', file, { key: object.key, other: owner.name });
    const progress = new Throttle(client.retry.clock, (loaded) => this.#reportProgress(id, blob.size, loaded));
    const locate = () => this.#locate(client, object.key, file);
    return new Transfer({ id, name, client, blob, object, progress, locate });
  }

  #blobOf(file: UppyFile<M, B>): Blob {
    const { data } = file;
    if (file.isRemote) throw this.#refusal('remoteFile', file);
    if (!data || file.isGhost) throw this.#refusal('dataMissing', file);
    if (!isBlob(data)) throw this.#refusal('notABlob', file);
    return data;
  }

  #clientFor(file: UppyFile<M, B>): UploadClient {
    const { client } = this.opts;
    return typeof client === 'function' ? checkNoPromise('client', file, client(file)) : client;
  }

  #objectFor(file: UppyFile<M, B>, client: UploadClient): AppendableObject {
    const { headers, contentType = file.type || undefined, segmentSize, maxRate, flushAfter, crc64 } = this.opts;
    const key = ('ossAppend' in file && file.ossAppend?.key) || checkNoPromise('key', file, this.opts.key(file));
    return new AppendableObject(client, key, {
      ...{ contentType, segmentSize, maxRate, flushAfter, crc64 },
      headers: typeof headers === 'function' ? checkNoPromise('headers', file, headers(file)) : headers,
    });
  }

  #refusal(
    reason: 'remoteFile' | 'dataMissing' | 'notABlob' | 'keyInUse',
    { name }: UppyFile<M, B>,
    values: Readonly<Record<string, string>> = {},
  ): UploadError {
    const code = reason[0]?.toUpperCase() + reason.slice(1);
    return new UploadError(this.#translate(reason, { name, ...values }), { code });
  }

  /** Does what the state of the file says. */
  #follow(transfer: Transfer, file: UppyFile<M, B> | undefined): void {
    if (!file) this.#end(transfer);
    else if (!file.isPaused) this.#queue.add(transfer);
    else {
      this.#queue.remove(transfer);
      transfer.stop();
    }
  }

  #startNext(): void {
    this.#queue.fill(limitOf(this.opts), (transfer) => void this.#run(transfer));
  }

  async #run(transfer: Transfer): Promise<void> {
    try {
      const stored = await transfer.run();
      if (stored) this.#succeed(transfer, stored);
    } catch (error) {
      this.#fail(transfer, error);
    }
    this.#startNext();
  }

  #succeed(transfer: Transfer, { tail: { position, hashCrc64ecma }, url }: Stored): void {
    const { id, key } = transfer;
    const body: OssAppendBody = { key, position, ...(hashCrc64ecma !== undefined && { hashCrc64ecma }) };
    const response = {
      status: 200,
      bytesUploaded: position,
      // The page chooses the type of the body. Its docstring says which type it is.
      body: body as unknown as B,
      ...(url !== undefined && { uploadURL: url }),
    };
    this.#end(transfer, () => this.#emit('upload-success', this.uppy.getFile(id), response));
  }

  #fail(transfer: Transfer, error: unknown): void {
    this.#failed.add(transfer.id);
    this.#end(transfer, () => {
      transfer.flushProgress();
      this.#forgetLostKey(transfer.id, error);
      this.#reportFailure(transfer.id, error);
    });
  }

  /** Ends a transfer. Its place is free before `report` runs, because a listener may retry the file at once. */
  #end(transfer: Transfer, report: () => void = () => {}): void {
    this.#transfers.delete(transfer.id);
    this.#queue.remove(transfer);
    report();
    transfer.end();
  }

  #reportProgress(id: string, bytesTotal: number, bytesUploaded: number): void {
    const file = this.uppy.getFile(id);
    // Uppy computes no percentage of nothing.
    if (bytesTotal === 0) return;
    const uploadStarted = file?.progress.uploadStarted ?? 0;
    this.#emit('upload-progress', file, { uploadStarted, bytesUploaded, bytesTotal });
  }

  /** Forgets a key whose object cannot become this file. A retry with it would fail, so the retry asks for a key. */
  #forgetLostKey(id: string, error: unknown): void {
    const isOther = error instanceof AppendConflictError || error instanceof ChecksumError;
    const isClosed = takesNoAppends(error);
    if ((isOther || isClosed) && this.uppy.getFile(id)) this.uppy.patchFilesState({ [id]: { ossAppend: undefined } });
  }

  #reportFailure(id: string, cause: unknown): void {
    const error = toUploadError(cause, this.#translate);
    const status = statusOf(error);
    this.#emit('upload-error', this.uppy.getFile(id), error, status === undefined ? undefined : { status });
  }

  /**
   * Retries files that nobody uploads. Uppy's `resumeAll` removes the errors of failed files, so without this they would
   * look as if they were in flight, and count as successful.
   */
  readonly #retryStranded = (): void => {
    const uploads = Object.values(this.uppy.getState().currentUploads);
    const assigned = new Set(uploads.flatMap(({ fileIDs }) => fileIDs));
    for (const { id, progress, error } of this.uppy.getFiles()) {
      const isOpen = progress.uploadStarted && !progress.uploadComplete && !error;
      const isStranded = !this.#transfers.has(id) && (!assigned.has(id) || this.#failed.has(id));
      if (isOpen && isStranded) this.uppy.retryUpload(id).catch((reason: unknown) => this.uppy.log(reason, 'error'));
    }
  };

  /** Finds the address of the object. A failure here is not a failure of the upload. */
  async #locate(client: UploadClient, key: string, file: UppyFile<M, B>): Promise<string | undefined> {
    try {
      // `await` is for an asynchronous `url`, although its type forbids this. A rejection must not fail the file.
      if (this.opts.url) return await this.opts.url(key, file);
      // Only the client knows the address of its bucket, so the address comes from a signed URL, without the signature.
      return (await client.presignHeadObject?.(key))?.url.split('?')[0];
    } catch (error) {
      this.uppy.log(error, 'warning');
      return undefined;
    }
  }

  /** A listener of the page that throws must not stop an upload, and must not make a stored file look failed. */
  #emit<K extends keyof UppyEventMap<M, B>>(event: K, ...values: Parameters<UppyEventMap<M, B>[K]>): void {
    try {
      this.uppy.emit(event, ...values);
    } catch (error) {
      this.uppy.log(error, 'error');
    }
  }
}
