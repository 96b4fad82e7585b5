import { AppendableObject, type AppendClient } from 'oss-append';
import { useEffect, useState } from 'react';

export interface Upload {
  /** The bytes that OSS has confirmed. */
  readonly loaded: number;
  readonly done: boolean;
  readonly error: unknown;
}

const NOTHING: Upload = { loaded: 0, done: false, error: undefined };

/**
 * Uploads `file`. If `file` is undefined, the upload pauses. It goes on when the component gives the same file again.
 */
export function useUpload(client: AppendClient, key: string, file: File | undefined): Upload {
  const [upload, setUpload] = useState(NOTHING);
  useEffect(() => {
    if (!file) return;
    const stop = new AbortController();
    const change = (part: Partial<Upload>) => {
      if (!stop.signal.aborted) setUpload((before) => ({ ...before, ...part }));
    };
    change(NOTHING);
    new AppendableObject(client, key)
      .resume(file, { signal: stop.signal, onprogress: ({ loaded }) => change({ loaded }) })
      .then(
        ({ position }) => change({ loaded: position, done: true }),
        (error) => change({ error }),
      );
    return () => stop.abort();
  }, [client, key, file]);
  return upload;
}
