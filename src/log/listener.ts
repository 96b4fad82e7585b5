/** The functions of the caller that a log or a recording calls with news. */

/** Calls a listener. A listener that throws must not end the log, so the platform reports the error. */
export function tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
  try {
    listener?.(value);
  } catch (error) {
    globalThis.reportError?.(error);
  }
}
