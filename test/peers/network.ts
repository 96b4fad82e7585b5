/**
 * Puts a LocalOss behind real HTTP, for clients that are not made for it. An HTTP agent replaces DNS: it connects to
 * this machine for every host name, and the Host header is the one that the client would send to Alibaba Cloud.
 */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Fault, LocalOss } from '../../src/testing/index.ts';
import { createListener, listen } from '../../src/testing/node/http.ts';

export const BUCKET = 'peer-bucket';
export const DOMAIN = 'files.example.com';
/** A permanent access key, which is used without a token. */
export const PERMANENT = { accessKeyId: 'LTAI5tPeerTestsOnly', accessKeySecret: 'a secret of these tests' };

/** The server and the agent for the clients under test. */
export interface Network {
  readonly oss: LocalOss;
  /** `http://127.0.0.1:<port>`. This host is also bound to the bucket as a custom domain. */
  readonly url: string;
  readonly agent: Agent;
  /** The ms by which the clock of LocalOss is ahead of the client's clock. */
  ahead: number;
  /** The fault that happens to each append from now on. */
  fault: Fault | undefined;
  close(): Promise<void>;
}

/** An unprocessed answer with any status. */
export interface RawAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export async function startNetwork(): Promise<Network> {
  const { url, answerWith, close } = await listen();
  const { hostname, port, host } = new URL(url);
  const agent = new Agent({ host: hostname, port: Number(port), keepAlive: true });
  const oss = new LocalOss({
    buckets: { [BUCKET]: { region: 'cn-hangzhou', hosts: [DOMAIN, host] } },
    accessKeys: { [PERMANENT.accessKeyId]: PERMANENT.accessKeySecret },
    clock: { now: () => Date.now() + network.ahead },
    faults: ({ operation }) => (operation === 'AppendObject' ? network.fault : undefined),
  });
  const stop = async () => {
    agent.destroy();
    await close();
  };
  const network: Network = { oss, url, agent, ahead: 0, fault: undefined, close: stop };
  answerWith(createListener(oss.fetch));
  return network;
}

/** Sends one request without an OSS client, like a program that only has a presigned URL. */
export function send({ agent }: Network, method: string, url: string, body?: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent }, async (answer) => {
      const { statusCode: status, headers } = answer;
      resolve(buffer(answer).then((bytes) => ({ status, headers, body: bytes.toString() })));
    });
    sent.once('error', reject).end(body);
  });
}
