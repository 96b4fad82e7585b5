/** The sums over all files of the uploader. */

/** The part of Uppy's file state that the sums need. */
export interface FileState {
  readonly size: number | null;
  readonly error?: string | null | undefined;
  readonly isPaused?: boolean | undefined;
  readonly progress: {
    readonly uploadStarted: number | null;
    readonly uploadComplete?: boolean | undefined;
    readonly bytesUploaded?: number | false | undefined;
  };
}

/** Numbers of files, and bytes. */
export interface Totals {
  readonly files: number;
  readonly stored: number;
  readonly failed: number;
  readonly paused: number;
  /** Files that are appended now, or wait for their turn. */
  readonly inFlight: number;
  readonly bytes: number;
  readonly size: number;
}

export const NOTHING: Totals = { files: 0, stored: 0, failed: 0, paused: 0, inFlight: 0, bytes: 0, size: 0 };

/** Counts the files whose upload has begun. */
export function totalsOf(files: readonly FileState[]): Totals {
  return files.filter(({ progress }) => progress.uploadStarted).reduce(add, NOTHING);
}

function add(sum: Totals, { size, error, isPaused = false, progress }: FileState): Totals {
  const isStored = progress.uploadComplete === true;
  const isFailed = !isStored && Boolean(error);
  const isWaiting = !isStored && !isFailed;
  return {
    files: sum.files + 1,
    stored: sum.stored + Number(isStored),
    failed: sum.failed + Number(isFailed),
    paused: sum.paused + Number(isWaiting && isPaused),
    inFlight: sum.inFlight + Number(isWaiting && !isPaused),
    bytes: sum.bytes + (isStored ? (size ?? 0) : Number(progress.bytesUploaded) || 0),
    size: sum.size + (size ?? 0),
  };
}
