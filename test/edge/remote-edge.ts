/** An edge in a real runtime with OSS and STS over HTTP, and the ways in which tests send requests to it. */
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'vitest';
import type { LocalOss } from '../../src/testing/index.ts';
import { type Served, serve } from '../../src/testing/node/http.ts';
import type { RunningEdge, StartEdge } from './runtimes.ts';
import { Gate } from './senders.ts';
import { Browser, BUCKET, ENVIRONMENT, hasBytes, makeCloud, PAGE, RAM, SESSION_SECRET, uploadPath } from './world.ts';

export const MIB: number = 1024 * 1024;
/** The greatest length of an object, in bytes. */
export const MOST: number = 24 * MIB;

/** OSS and STS over HTTP. Every fifth append is stored, but its answer is lost. */
export class RemoteCloud {
  readonly oss: LocalOss;
  readonly ossUrl: string;
  readonly stsUrl: string;
  /** Holds the appends while it is closed. */
  readonly gate: Gate;
  readonly #servers: readonly Served[];
  readonly #arrived: () => number;

  private constructor(oss: LocalOss, [ossServer, stsServer]: [Served, Served], gate: Gate, arrived: () => number) {
    this.oss = oss;
    this.ossUrl = ossServer.url;
    this.stsUrl = stsServer.url;
    this.gate = gate;
    this.#servers = [ossServer, stsServer];
    this.#arrived = arrived;
  }

  static async start(): Promise<RemoteCloud> {
    const { oss, sts } = makeCloud({
      faults: ({ operation, nth }) =>
        operation === 'AppendObject' && nth % 5 === 3 ? { kind: 'drop-after' } : undefined,
    });
    const gate = new Gate();
    let arrived = 0;
    const ossServer = await serve(async (request) => {
      if (request.method === 'POST') {
        arrived++;
        await gate.passed;
      }
      return oss.fetch(request);
    });
    const stsServer = await serve((request) => sts.fetch(request));
    return new RemoteCloud(oss, [ossServer, stsServer], gate, () => arrived);
  }

  /** The number of appends that have reached the gate. */
  get arrived(): number {
    return this.#arrived();
  }

  /** The options of a page's client. */
  place() {
    return { region: 'cn-hangzhou', bucket: BUCKET, endpoint: this.ossUrl, retry: { baseDelay: 1 } };
  }

  has(key: string, bytes: Uint8Array): boolean {
    return hasBytes(this.oss, key, bytes);
  }

  close(): Promise<unknown> {
    return Promise.all(this.#servers.map((server) => server.close()));
  }
}

/** How to send a request with node:http, which sends a path as it is. */
interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

/** What a client does on its own connection. */
interface Conversation {
  /** Runs after the last byte is sent. */
  readonly cut?: (socket: Socket) => Promise<void>;
  /** The client reads the answer only after it has sent everything. */
  readonly readsLast?: boolean;
}

/** A running edge, and a browser with a session. */
export class RemoteEdge {
  readonly browser: Browser;
  readonly url: string;
  /** The beginning of the browser's keys. */
  prefix = '';
  readonly #edge: RunningEdge;
  #answers = '';

  private constructor(edge: RunningEdge) {
    this.#edge = edge;
    this.url = edge.url;
    this.browser = new Browser(async (request) => {
      const response = await fetch(request);
      this.#answers += `${JSON.stringify([...response.headers])}${await response.clone().text()}\n`;
      return response;
    }, edge.url);
  }

  static async start(start: StartEdge, cloud: RemoteCloud, more: object): Promise<RemoteEdge> {
    const edge = await start({ ...ENVIRONMENT, OSS_ENDPOINT: cloud.ossUrl, OSS_STS_ENDPOINT: cloud.stsUrl, ...more });
    const remote = new RemoteEdge(edge);
    remote.prefix = await remote.browser.login();
    return remote;
  }

  stop(): Promise<unknown> {
    return this.#edge.stop();
  }

  upload(key: string, body: BodyInit | null, more: RequestInit & { duplex?: 'half' } = {}, query = '') {
    return this.browser.fetch(uploadPath(key) + query, { method: 'POST', body, ...more });
  }

  /** Asks where an object ends. */
  async positionOf(key: string): Promise<number> {
    return (await (await this.browser.fetch(uploadPath(key))).json()).position;
  }

  /** Checks that no answer and no log of the edge contains a secret, a grant, a token, a key or a query. */
  expectNoSecrets(): void {
    expect(this.#answers.length).toBeGreaterThan(1000);
    const log = this.#edge.output().replaceAll(/Listening on \S+/g, '');
    for (const secret of [RAM.accessKeySecret, SESSION_SECRET]) {
      expect(this.#answers.includes(secret)).toBe(false);
      expect(log.includes(secret)).toBe(false);
    }
    for (const word of [this.prefix, 'x-oss-signature', 'session=', 'CAIS', '?'])
      expect(log.includes(word), word).toBe(false);
  }

  /** The lines that the edge has printed about failures. */
  get log(): string {
    return this.#edge.output();
  }

  /** Returns the head of an upload by the browser. */
  headOf(path: string, framing: string): string {
    const { host } = new URL(this.url);
    const headers = [`host: ${host}`, `origin: ${PAGE}`, `cookie: ${this.browser.cookie}`, framing];
    return `POST ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
  }

  /**
   * Writes to an own connection. Returns the answer when the connection ends, or when the JSON in the answer is
   * complete.
   */
  converse(parts: readonly (string | Uint8Array)[], { cut, readsLast = false }: Conversation = {}): Promise<string> {
    return new Promise((resolve) => {
      const { hostname, port } = new URL(this.url);
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      let answer = '';
      const read = () =>
        socket.setEncoding('latin1').on('data', (text: string) => {
          answer += text;
          if (answer.includes('}')) socket.destroy();
        });
      socket.once('error', () => {}).once('end', () => socket.destroy());
      socket.once('close', () => resolve(answer));
      if (!readsLast) read();
      for (const part of parts.slice(0, -1)) socket.write(part);
      socket.write(parts.at(-1) ?? '', () => {
        if (readsLast) read();
        cut?.(socket);
      });
    });
  }

  /** Sends a request with node:http, which sends a path as it is. Returns the status of the answer. */
  ask({ method = 'GET', path = '/', headers = {} }: RawRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = new URL(this.url);
      const all = { origin: PAGE, cookie: this.browser.cookie, ...headers };
      const sent = httpRequest({ host, port, method, path, headers: all }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        if (headers['content-length']) sent.destroy();
      }).once('error', reject);
      if (headers['content-length']) sent.flushHeaders();
      else sent.end();
    });
  }
}
