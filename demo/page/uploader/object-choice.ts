/**
 * Chooses the object of each file before its upload. If an object already holds a beginning of the file, the file goes
 * on there, and a notice lets the user choose a new object instead.
 */
import { type Signal, signal } from '@preact/signals';
import type { Session } from '../session.ts';
import { isTabOpen } from '../tab.ts';
import { needsNewObject } from '../text/sentences.ts';
import { type Held, heldOf } from './known-object.ts';
import { nameOf, type PageUppy } from './uploader.ts';

/** An object that already holds a beginning of a file, or the whole file. */
export interface Offer extends Held {
  readonly fileId: string;
  readonly name: string;
}

type PageFile = ReturnType<PageUppy['getFile']>;

export class ObjectChoice {
  /** The offers that the user has not answered yet. */
  readonly offers: Signal<readonly Offer[]> = signal([]);
  readonly #session: Session;
  readonly #uppy: PageUppy;
  readonly #looking = new Map<string, Promise<void>>();

  constructor(session: Session, uppy: PageUppy) {
    this.#session = session;
    this.#uppy = uppy;
    uppy.on('file-added', (file) => this.#begin(file));
    uppy.on('file-removed', ({ id }) => this.dismiss(id));
    uppy.on('restored', () => uppy.getFiles().forEach((file) => void this.#restore(file)));
    uppy.addPreProcessor(async (ids) => {
      await Promise.all(ids.map((id) => this.#looking.get(id)));
      for (const id of ids)
        if (this.#isSpoilt(id)) this.renew(id);
        else this.dismiss(id);
    });
  }

  /** The user has seen the offer, and goes on in this object. */
  dismiss(fileId: string): void {
    const { value } = this.offers;
    if (value.some((offer) => offer.fileId === fileId))
      this.offers.value = value.filter((one) => one.fileId !== fileId);
  }

  /** The file goes to a new object. */
  renew(fileId: string): void {
    const file = this.#uppy.getFile(fileId);
    if (file) this.#assign(file, this.#session.keys.choose(nameOf(file)));
    this.dismiss(fileId);
  }

  /** Looks at the object of a file, if there is one. A key that was chosen now has none. */
  #begin(file: PageFile): void {
    const { ossKey } = file.meta;
    if (ossKey === undefined || this.#session.keys.isNew(ossKey)) return;
    const work = this.#look(file, ossKey).catch((error: unknown) => this.#uppy.log(error, 'warning'));
    this.#looking.set(
      file.id,
      work.then(() => void this.#looking.delete(file.id)),
    );
  }

  /** A restored file keeps its key, unless the host was restarted and has other keys now. */
  #restore(file: PageFile): void {
    if (file.progress.uploadComplete) return;
    if (file.meta.ossKey?.startsWith(this.#session.host.userPrefix)) this.#begin(file);
    else this.#assign(file, this.#session.keys.choose(nameOf(file)));
  }

  async #look(file: PageFile, key: string): Promise<void> {
    if (await this.#isBusy(key)) return this.#assign(file, this.#session.keys.choose(nameOf(file)));
    const { data } = file;
    if (!(data instanceof Blob)) return;
    const held = await heldOf(data, key, this.#session.client());
    if (held && this.#uppy.getFile(file.id))
      this.offers.value = [...this.offers.value, { ...held, fileId: file.id, name: file.name }];
  }

  /** True if the file failed, and its object is damaged or has other bytes. Each retry, also Uppy's own, needs a new object. */
  #isSpoilt(fileId: string): boolean {
    const transfer = this.#session.transfers.peek().get(fileId);
    return transfer?.state.peek() === 'failed' && needsNewObject(transfer.error.peek());
  }

  /** Another open tab may be appending to its object now. */
  async #isBusy(key: string): Promise<boolean> {
    const { host, tab } = this.#session;
    const owner = key.slice(host.userPrefix.length).split('/')[0] ?? '';
    return owner !== tab && (await isTabOpen(owner));
  }

  #assign({ id }: PageFile, key: string): void {
    this.#uppy.setFileMeta(id, { ossKey: key });
    if ('ossAppend' in this.#uppy.getFile(id)) this.#uppy.setFileState(id, { ossAppend: { key } });
  }
}
