import { AppendableObject, type AppendClient } from 'oss-append';
import { useEffect, useMemo, useState } from 'react';

export interface Upload {
  /** The bytes that OSS has confirmed. */
  readonly loaded: number;
  readonly done: boolean;
  readonly error: unknown;
}

const NOTHING: Upload = { loaded: 0, done: false, error: undefined };

/**
 * Uploads `file` while `running` is true. A failure sets `running` to false. `setRunning(false)` pauses, and
 * `setRunning(true)` goes on where the object ends.
 */
export function useUpload(client: AppendClient, key: string, file: File | undefined) {
  const object = useMemo(() => new AppendableObject(client, key), [client, key]); // one for each key, also after a pause
  const [upload, setUpload] = useState(NOTHING);
  const [running, setRunning] = useState(true);
  useEffect(() => {
    if (!file || !running) return;
    const controller = new AbortController();
    const { signal } = controller;
    const change = (part: Partial<Upload>) => {
      if (!signal.aborted) setUpload((before) => ({ ...before, ...part }));
    };
    change(NOTHING);
    object.resume(file, { signal, onprogress: ({ loaded }) => change({ loaded }) }).then(
      ({ position }) => change({ loaded: position, done: true }),
      (error) => {
        change({ error });
        if (!signal.aborted) setRunning(false);
      },
    );
    return () => controller.abort();
  }, [object, file, running]);
  return { ...upload, running, setRunning };
}
