/**
 * The files of a restored list whose data the browser does not have. Golden Retriever saves the list within half a second,
 * but it copies the data of one file after the other, and only up to a limit. Uppy uploads nothing while such a file is
 * in the list, so the user has to pick these files again, or to remove them.
 */
import { type Signal, signal } from '@preact/signals';
import type { Session } from '../session.ts';
import { addFiles } from './add-files.ts';
import { dropStored, leftOvers } from './left-overs.ts';
import type { PageUppy } from './uploader.ts';

type PageFile = ReturnType<PageUppy['getFile']>;

export class Ghosts {
  readonly list: Signal<readonly PageFile[]> = signal([]);
  readonly #uppy: PageUppy;

  constructor(uppy: PageUppy, session: Session) {
    this.#uppy = uppy;
    /** The ids of the files whose objects are looked at. They are stored, most likely, and nobody is asked for them. */
    let doubtful = new Set<string>();
    const look = () => {
      const found = uppy.getFiles().filter(({ id, isGhost }) => isGhost && !doubtful.has(id));
      if (found.length > 0 || this.list.peek().length > 0) this.list.value = found;
    };
    uppy.on('restored', async () => {
      const files = leftOvers(uppy, session);
      doubtful = new Set(files.map(({ id }) => id));
      look();
      await dropStored(files, uppy, session);
      doubtful.clear();
      look();
    });
    uppy.on('files-added', look);
    uppy.on('file-removed', look);
  }

  /**
   * Gives the ghosts their data back. Each picked file without a ghost is added to the list as a new file, unless the
   * list has it already.
   */
  pick(files: readonly File[]): void {
    const missing = files.filter((file) => this.#twinOf(file) || !this.#uppy.getFiles().some(isTwin(file)));
    addFiles(this.#uppy, missing, { source: 'again', pathOf: (file) => this.#twinOf(file)?.meta.relativePath });
  }

  remove(): void {
    this.#uppy.removeFiles(this.list.value.map(({ id }) => id));
  }

  /** Finds the file in the list. Paths cannot be compared, because only files of a picked folder have one. */
  #twinOf(file: File): PageFile | undefined {
    return this.list.value.find(isTwin(file));
  }
}

function isTwin({ name, size }: File): (file: PageFile) => boolean {
  return (file) => file.name === name && file.size === size;
}
