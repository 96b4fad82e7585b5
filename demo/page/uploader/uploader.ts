/** Uppy with the plugin of this library, and the bridge from Uppy's events to the page. */

import { effect, type Signal, signal } from '@preact/signals';
import Uppy from '@uppy/core';
import GoldenRetriever from '@uppy/golden-retriever';
import { OssAppend, type OssAppendBody } from '../../../src/uppy/index.ts';
import type { Session } from '../session.ts';
import { keepsType, language, segmentSize } from '../settings.ts';
import { uppyLocale } from '../text/uppy-locale.ts';
import { addFiles } from './add-files.ts';
import { Ghosts } from './ghosts.ts';
import { ObjectChoice } from './object-choice.ts';
import { NOTHING, type Totals, totalsOf } from './totals.ts';

/** What the page keeps with each file. */
export type FileMeta = { ossKey?: string; relativePath?: string | null; [name: string]: unknown };
export type PageUppy = Uppy<FileMeta, OssAppendBody>;

/** Files at the same time. A browser has six connections to a host, and the edge needs one. */
const LIMIT = 4;
/** Golden Retriever keeps files up to this size, bytes. For a longer one it asks the user to pick it again. */
const KEPT_FILE = 256 * 1024 * 1024;

export class Uploader {
  readonly uppy: PageUppy;
  readonly totals: Signal<Totals> = signal(NOTHING);
  readonly choice: ObjectChoice;
  readonly ghosts: Ghosts;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.uppy = new Uppy<FileMeta, OssAppendBody>({
      id: `oss-append-${session.tab}`,
      locale: uppyLocale(language.peek()),
      // The key is chosen before Uppy knows the file. For a thousand files, a change afterwards would take seconds.
      onBeforeFileAdded: (file, files) => (Object.hasOwn(files, file.id) ? undefined : this.#withKey(file)),
    });
    this.choice = new ObjectChoice(session, this.uppy);
    this.ghosts = new Ghosts(this.uppy, session);
    this.#listen();
    this.uppy.use(OssAppend<FileMeta, OssAppendBody>, {
      limit: LIMIT,
      client: (file) => session.client(this.#begin(file)),
      key: (file) => file.meta.ossKey ?? session.keys.choose(nameOf(file)),
    });
    this.#followSettings();
  }

  /** Restores the list of files, if the browser keeps data for this page. Call it when the Dashboard is there. */
  restore(): void {
    const indexedDB = { name: 'oss-append-files', maxFileSize: KEPT_FILE, maxTotalSize: 4 * KEPT_FILE };
    try {
      this.uppy.use(GoldenRetriever, { indexedDB });
    } catch (error) {
      this.uppy.log(`This browser keeps no files for this page: ${error}`, 'warning');
    }
  }

  #withKey(file: ReturnType<PageUppy['getFile']>) {
    const key = this.#session.keys.known(nameOf(file)) ?? this.#session.keys.choose(nameOf(file));
    return { ...file, meta: { ...file.meta, ossKey: key } };
  }

  /** True if the list has files whose upload has not begun. */
  get hasNew(): boolean {
    return this.uppy.getFiles().some(({ progress }) => !progress.uploadStarted);
  }

  /** Tries all failed files again, and uploads the new ones. Uppy's own retry button uploads only the failed files. */
  retryAll(): void {
    this.uppy.upload().catch((error: unknown) => this.uppy.log(error, 'error'));
  }

  /** Tries a failed file again. The choice gives it a new object if its object can never hold it. */
  retry(id: string): void {
    this.uppy.retryUpload(id).catch((error: unknown) => this.uppy.log(error, 'error'));
  }

  /**
   * Puts a file that the user has picked again in the place of one that cannot be read any more. If its bytes are the
   * same, its upload goes on where the object ends.
   */
  replace(id: string, picked: readonly File[]): void {
    const { relativePath } = this.uppy.getFile(id)?.meta ?? {};
    if (picked.length === 0) return;
    this.uppy.removeFile(id);
    addFiles(this.uppy, picked, { source: 'again', pathOf: () => relativePath });
  }

  #begin({ id, name, size, meta, ...file }: ReturnType<PageUppy['getFile']>) {
    const key = ('ossAppend' in file && file.ossAppend?.key) || meta.ossKey || '';
    this.#session.keys.used(key);
    // An upload that goes on after a reload begins without the preprocessor of the choice.
    this.choice.dismiss(id);
    const transfer = this.#session.begin({ id, name, key, size: size ?? undefined });
    transfer.state.value = 'running';
    return transfer;
  }

  #listen(): void {
    const { uppy } = this;
    const transferOf = (id: string | undefined) => this.#session.transfers.peek().get(id ?? '');
    uppy.on('upload-progress', (file, { bytesUploaded }) => transferOf(file?.id)?.confirm(bytesUploaded || 0));
    uppy.on('upload-success', (file, { body }) => {
      if (body) this.#session.stored.add(body.key, { position: body.position, crc: body.hashCrc64ecma });
      transferOf(file?.id)?.succeed(body);
    });
    uppy.on('file-added', ({ meta }) => this.#session.stored.forget(meta.ossKey ?? ''));
    uppy.on('upload-error', (file, error) => transferOf(file?.id)?.fail(error));
    uppy.on('state-update', () => this.#countSoon());
    uppy.on('state-update', (before, { files }) => {
      for (const [id, { isPaused = false }] of Object.entries(files))
        if ((before.files[id]?.isPaused ?? false) !== isPaused) transferOf(id)?.pause(isPaused);
    });
    uppy.on('file-removed', ({ id }) => transferOf(id)?.cancel());
  }

  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Uppy changes its state often. Counting a thousand files each time would be slow. */
  #countSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // Restored files wait until the user goes on.
      const isRestored = Boolean(this.uppy.getState().recoveredState);
      this.totals.value = isRestored ? NOTHING : totalsOf(this.uppy.getFiles());
    }, 200);
  }

  #followSettings(): void {
    effect(() => this.uppy.setOptions({ locale: uppyLocale(language.value) }));
    effect(() =>
      this.uppy.getPlugin('OssAppend')?.setOptions({
        segmentSize: segmentSize.value || undefined,
        contentType: keepsType.value ? undefined : null,
      }),
    );
  }
}

/** The name of a file of Uppy, as the key book takes it. */
export function nameOf({ name, size, meta, data }: ReturnType<PageUppy['getFile']>) {
  const lastModified = data instanceof File ? data.lastModified : 0;
  return { name, size, lastModified, relativePath: meta.relativePath };
}
