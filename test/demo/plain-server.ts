/** A plain file server, as users have for the static build. It serves files below a path, and does nothing else. */
import sirv from 'sirv';
import { type Listening, listen } from '../../src/testing/node/http.ts';

/** A running file server. */
export interface PlainServer extends Pick<Listening, 'url' | 'close'> {
  /** All requests so far: method and path. */
  readonly asked: readonly string[];
}

/** Serves a folder below a path such as `/oss-append`. */
export async function servePlainFiles(folder: string, base: string, port?: number): Promise<PlainServer> {
  const { answerWith, ...served } = await listen({ port });
  const files = sirv(folder, { etag: true });
  const asked: string[] = [];
  answerWith((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    asked.push(`${method} ${url.replace(/\?.*/, '')}`);
    const isFile = method === 'GET' || method === 'HEAD';
    const none = () =>
      void outgoing.writeHead(isFile ? 404 : 405, { 'content-type': 'text/html' }).end('<h1>No file</h1>');
    if (!isFile || !url.startsWith(`${base}/`)) return none();
    incoming.url = url.slice(base.length);
    return files(incoming, outgoing, none);
  });
  return { ...served, asked };
}
