/**
 * A LocalOss behind real HTTP, for clients that know nothing of it. An agent stands in for DNS: whatever host a client
 * asks for, the connection goes to this machine, and the Host header is what the client would send to Alibaba Cloud.
 */
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createListener, listen } from '../../demo/node-http.ts';
import { type Fault, LocalOss } from '../../src/testing/index.ts';

export const BUCKET = 'peer-bucket';
export const DOMAIN = 'files.example.com';
/** A key that is not temporary. */
export const PERMANENT = { accessKeyId: 'LTAI5tPeerTestsOnly', accessKeySecret: 'a secret of these tests' };

/** What a client that we did not write talks to. */
export interface Network {
  readonly oss: LocalOss;
  /** `http://127.0.0.1:<port>`, bound to the bucket as a custom domain too. */
  readonly url: string;
  readonly agent: Agent;
  /** ms by which the clock of OSS is ahead. */
  ahead: number;
  /** What befalls every append from now on. */
  fault: Fault | undefined;
  close(): Promise<void>;
}

/** An answer as it came, whatever the status. */
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

/** One request over the network without any OSS client, as a holder of a presigned URL makes it. */
export function send({ agent }: Network, method: string, url: string, body?: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent }, async (answer) => {
      const { statusCode: status, headers } = answer;
      resolve(buffer(answer).then((bytes) => ({ status, headers, body: bytes.toString() })));
    });
    sent.once('error', reject).end(body);
  });
}
