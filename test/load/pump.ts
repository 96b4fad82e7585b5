/** The reference for memory: a Worker that reads a body in JavaScript and posts each byte once, in parts of 256 KiB. */
import { chunksOf } from '../../src/edge/body-reader.ts';

const PART = 256 * 1024;
const clock = {
  now: () => Date.now(),
  setTimeout: (callback: () => void, delay: number) => setTimeout(callback, delay),
  clearTimeout: (timer: unknown) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

export default {
  async fetch(request: Request, env: { readonly SINK: string }): Promise<Response> {
    const post = async (body: Uint8Array<ArrayBuffer>) => (await fetch(env.SINK, { method: 'POST', body })).text();
    let total = 0;
    let used = 0;
    let part = new Uint8Array(PART);
    for await (const chunk of chunksOf(request, { idle: 30_000, total: 3_600_000, clock })) {
      total += chunk.byteLength;
      for (let done = 0; done < chunk.byteLength; ) {
        const bytes = chunk.subarray(done, done + PART - used);
        part.set(bytes, used);
        used += bytes.byteLength;
        done += bytes.byteLength;
        if (used < PART) continue;
        await post(part);
        part = new Uint8Array(PART);
        used = 0;
      }
    }
    await post(part.subarray(0, used));
    return new Response(String(total));
  },
};
