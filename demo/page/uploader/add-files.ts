/** Adds files that did not come through the Dashboard. */
import type { PageUppy } from './uploader.ts';

/** Says where the files come from. */
export interface Origin {
  readonly source: string;
  /** Returns the path of a file below the folder that was picked. */
  readonly pathOf?: (file: File) => string | null | undefined;
}

export function addFiles(uppy: PageUppy, files: readonly File[], { source, pathOf }: Origin): void {
  const added = files.map((data) => {
    const relativePath = pathOf?.(data);
    return { name: data.name, type: data.type, data, source, ...(relativePath && { meta: { relativePath } }) };
  });
  if (added.length > 0) uppy.addFiles(added);
}
