// How long the main thread is busy at a stretch. The platform reports tasks from 50 ms on; a clock that should tick every
// few milliseconds tells of shorter ones by how late it is. Where another process had the processor, that counts too: so
// an idle page is watched as well, and of several rounds the least counts, as what the page itself does comes back in each.

/** Chromium's least time between two ticks, ms. */
const TICK = 4;

/** Returns how to end the watch: the longest stretch, ms. */
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
