/** Work that its caller may stop waiting for. */

/**
 * Settles as the work does, or rejects with the signal's reason when that comes first; the work itself goes on. Leaves no
 * listener behind, and holds nothing of the result, as `Promise.race` with a long-lived promise would.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** As the signal's own method, which older browsers and signals of libraries lack. */
export function throwIfAborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted) throw signal.reason;
}
