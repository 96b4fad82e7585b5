// Measures how long the main thread is busy without a break. The platform reports only tasks of 50 ms or more. A timer
// that should fire every 4 ms also shows shorter tasks, because each task delays it by the length of the task.
// The timer is also late when another process has the processor. So the benchmark watches an idle page too. It uses the
// smallest value of several rounds, because the work of the page itself appears in every round.

/** The shortest interval in ms that Chromium allows for a repeating timer. */
const TICK = 4;

/** Starts the watch. The returned function ends it and returns the longest busy time in ms. */
export function watchMainThread(): () => number {
  let last = performance.now();
  let longest = 0;
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - TICK);
    last = now;
  };
  const timer = setInterval(tick, TICK);
  return () => {
    tick();
    clearInterval(timer);
    return longest;
  };
}
