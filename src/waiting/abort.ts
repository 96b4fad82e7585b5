/** Lets a caller stop waiting for work. */

/**
 * Settles as the work does. If the signal is aborted first, the promise rejects with the signal's reason, and the work
 * goes on. It leaves no listener on the signal and keeps no reference to the result, unlike `Promise.race` with a
 * promise that lives long.
 */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(reasonOf(signal));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Does the same as the signal's own method, which older browsers and the signals of some libraries lack. */
export function throwIfAborted(signal: AbortSignal | null | undefined): void {
  if (signal?.aborted) throw reasonOf(signal);
}

/**
 * Returns why a signal is aborted. Chrome before 98, Firefox before 97, Safari before 15.4 and the signals of some
 * libraries do not say it. Then it is an AbortError, as the platform makes it.
 */
export function reasonOf({ reason = new DOMException('Aborted', 'AbortError') }: AbortSignal): unknown {
  return reason;
}
