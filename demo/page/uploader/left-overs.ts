/**
 * Drops restored files that were stored completely just before the reload. Golden Retriever had no time to save this, so
 * it would ask the user for a file that needs nothing any more. A file stays unless its object proves that it is stored.
 */
import type { Session } from '../session.ts';
import type { PageUppy } from './uploader.ts';

type PageFile = ReturnType<PageUppy['getFile']>;

/** Returns the files that this tab may have stored completely. */
export function leftOvers(uppy: PageUppy, { stored }: Session): PageFile[] {
  return uppy.getFiles().filter((file) => !file.progress.uploadComplete && stored.has(keyOf(file)));
}

/** Removes the files that are proven to be stored. */
export async function dropStored(files: readonly PageFile[], uppy: PageUppy, session: Session): Promise<void> {
  const client = session.client();
  const proven = await Promise.all(files.map((file) => session.stored.proves(keyOf(file), file.size, client)));
  // The user may have gone on, or picked a file again, in the meantime.
  const isAsBefore = ({ id, data }: PageFile) => uppy.getFile(id)?.data === data;
  if (!uppy.getState().recoveredState) return;
  uppy.removeFiles(files.filter((file, index) => proven[index] && isAsBefore(file)).map(({ id }) => id));
}

/** The key that the plugin uses for the file. */
function keyOf(file: PageFile): string {
  return ('ossAppend' in file && file.ossAppend?.key) || file.meta.ossKey || '';
}
