// The web server of the page. It hands out one job at a time and receives the outcomes.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Job, Outcome } from './job.ts';

/** A running web server whose page does the jobs of the benchmark. */
export interface Site {
  readonly url: string;
  /** Gives the page a job and resolves to its outcome. Rejects when the job fails in the page. */
  ask(job: Job): Promise<Outcome>;
  close(): void;
}

/** The files of the page, by URL path. */
export type Files = Readonly<Record<string, { readonly type: string; readonly body: string | Buffer }>>;

class Desk {
  #waiting: ServerResponse | undefined;
  #job: Job | undefined;
  #settle: ((outcome: Outcome | { error: string }) => void) | undefined;

  async ask(job: Job): Promise<Outcome> {
    const outcome = await new Promise<Outcome | { error: string }>((resolve) => {
      this.#settle = resolve;
      this.#job = job;
      this.#hand();
    });
    if ('error' in outcome) throw new Error(`the job failed in the page: ${outcome.error}`);
    return outcome;
  }

  wait(response: ServerResponse): void {
    this.#waiting = response;
    this.#hand();
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const outcome = JSON.parse(await text(request)) as Outcome;
    response.end();
    this.#settle?.(outcome);
  }

  #hand(): void {
    if (!this.#job || !this.#waiting) return;
    this.#waiting.setHeader('content-type', 'application/json').end(JSON.stringify(this.#job));
    this.#job = undefined;
    this.#waiting = undefined;
  }
}

export async function startSite(files: Files): Promise<Site> {
  const desk = new Desk();
  const server = createServer((request, response) => {
    // In a cross-origin isolated page, the clock has a resolution of 5 us; in other pages it has one of 100 us.
    response
      .setHeader('cross-origin-opener-policy', 'same-origin')
      .setHeader('cross-origin-embedder-policy', 'require-corp');
    const file = files[request.url ?? ''];
    if (request.url === '/job') desk.wait(response);
    else if (request.url === '/outcome') void desk.take(request, response);
    else if (file) response.setHeader('content-type', file.type).end(file.body);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, ask: (job) => desk.ask(job), close };
}
