/** Runs the suite in WebKitGTK through its driver (W3C WebDriver), which starts a session, opens a URL and ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { RuntimeServer } from '../server.ts';
import { Absent, type Family, type Job, type Running, reportOf } from './family.ts';
import { PLAIN_HOST, pageUrlOf } from './page.ts';

/** The paths of the driver and its browser. */
export interface WebKitPlace {
  readonly driver: string;
  readonly browser: string;
  /** The path of `xvfb-run`, which is needed on a machine without a display. */
  readonly display?: string;
}

export function webkitFamily(place: WebKitPlace | undefined): Family {
  return {
    name: 'webkit',
    required: false,
    runs: ['window', 'xhr', 'worker', 'service worker', 'plain http'].map((scope) => `webkit ${scope}`),
    start: async (server) => {
      if (!place) throw new Absent('not installed');
      const driver = await Driver.start(place);
      return running(driver, place, server);
    },
  };
}

async function running(driver: Driver, { browser }: WebKitPlace, server: RuntimeServer): Promise<Running> {
  const version = await driver.version(browser).catch(async (error: unknown) => {
    driver.stop();
    throw error;
  });
  return {
    version,
    run: async (job) => {
      const session = await driver.open(browser, proxyFor(server, job));
      try {
        await driver.post(`/session/${session.sessionId}/url`, { url: pageUrlOf(server, job) });
        return await reportOf(server, job, new Promise(() => {}));
      } finally {
        await driver.end(session.sessionId);
      }
    },
    close: async () => driver.stop(),
  };
}

/**
 * Returns the proxy settings of a job. This browser cannot resolve PLAIN_HOST to this machine. So our server is its
 * proxy, and the server accepts requests for every host name.
 */
function proxyFor({ pageUrl }: RuntimeServer, job: Job): object | undefined {
  const { host, hostname } = new URL(pageUrl);
  const isPlain = new URL(pageUrlOf({ pageUrl }, job)).hostname === PLAIN_HOST;
  return isPlain ? { proxyType: 'manual', httpProxy: host, noProxy: [hostname] } : undefined;
}

interface Session {
  readonly sessionId: string;
  readonly capabilities: { readonly browserVersion?: string };
}

class Driver {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /**
   * Starts the driver as a detached process without pipes. With pipes, a browser that survives the driver would keep
   * them open, and this process could not end.
   */
  static async start({ driver, display }: WebKitPlace): Promise<Driver> {
    const port = await freePort();
    const command = [...(display ? [display, '-a'] : []), driver, `--port=${port}`, '--host=127.0.0.1'];
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: 'ignore', detached: true });
    const started = new Driver(child, `http://127.0.0.1:${port}`);
    process.once('exit', () => started.stop());
    await started.#ready();
    return started;
  }

  async version(browser: string): Promise<string> {
    const { sessionId, capabilities } = await this.open(browser);
    await this.end(sessionId);
    return `WebKitGTK ${capabilities.browserVersion ?? ''}`;
  }

  open(binary: string, proxy?: object): Promise<Session> {
    const options = { binary, args: ['--automation'] };
    const alwaysMatch = { browserName: 'MiniBrowser', 'webkitgtk:browserOptions': options, ...(proxy && { proxy }) };
    return this.post('/session', { capabilities: { alwaysMatch } });
  }

  end(sessionId: string): Promise<unknown> {
    return this.#send(`/session/${sessionId}`, { method: 'DELETE' });
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.#send(path, { method: 'POST', body: JSON.stringify(body) });
  }

  /** Kills the whole process group: the driver, its display and the browsers. */
  stop(): void {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
  }

  async #ready(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const status = await this.#send<{ ready: boolean }>('/status', {}).catch(() => undefined);
      if (status?.ready) return;
      await wait(100);
    }
    this.stop();
    throw new Error('WebKitWebDriver was not ready after 100 attempts');
  }

  async #send<T>(path: string, init: RequestInit): Promise<T> {
    const { value } = (await (await fetch(this.#url + path, init)).json()) as { value: T & { error?: string } };
    if (value?.error) throw new Error(`WebDriver ${path}: ${JSON.stringify(value)}`);
    return value;
  }
}

/** Finds a free port, because the driver does not accept port 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
