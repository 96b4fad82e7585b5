/** The driver of WebKitGTK (W3C WebDriver): it starts a browser, opens a URL, and ends the browser. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** The paths of the driver and its browser. */
export interface WebKitPlace {
  readonly driver: string;
  readonly browser: string;
  /** The path of `xvfb-run`, which is needed on a machine without a display. */
  readonly display?: string | undefined;
}

export interface Session {
  readonly sessionId: string;
  readonly capabilities: { readonly browserVersion?: string };
}

export class Driver {
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
    // Without a language, navigator.language is "C", which Intl refuses.
    const env = { ...process.env, LANG: 'en_US.UTF-8', LANGUAGE: 'en_US' };
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: 'ignore', detached: true, env });
    const started = new Driver(child, `http://127.0.0.1:${port}`);
    const stop = () => started.stop();
    process.once('exit', stop);
    child.once('exit', () => process.off('exit', stop));
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

  /** Ends a session. A driver that died has ended its sessions already, so its silence is no failure. */
  end(sessionId: string): Promise<unknown> {
    return this.#send(`/session/${sessionId}`, { method: 'DELETE' }).catch(() => undefined);
  }

  /** Runs the body of a function in the page, and returns what it returns. A promise is awaited. */
  run<T>({ sessionId }: Session, script: string, ...args: unknown[]): Promise<T> {
    return this.post(`/session/${sessionId}/execute/sync`, { script, args });
  }

  /** Returns a picture of the window as a PNG. */
  async picture({ sessionId }: Session): Promise<Buffer> {
    return Buffer.from(await this.#send<string>(`/session/${sessionId}/screenshot`, {}), 'base64');
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
