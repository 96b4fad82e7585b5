// Sends the Blobs and Files of the library fetch-blob to a plain HTTP server, and prints what arrived there.
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Blob as FetchBlob } from 'fetch-blob';
import { File as FetchFile } from 'fetch-blob/file.js';
import { blobFromSync, fileFromSync } from 'fetch-blob/from.js';
import { AppendableObject, append, PresignedClient } from 'oss-append';

const TEXT = 'the bytes of a Blob';
const PATH = fileURLToPath(new URL('./blob.txt', import.meta.url));
writeFileSync(PATH, TEXT);

const KINDS = {
  'a Blob': new FetchBlob([TEXT], { type: 'text/plain' }),
  'a slice': new FetchBlob(['--', TEXT, '--']).slice(2, -2),
  'a File': new FetchFile([TEXT], 'a.txt', { type: 'text/plain' }),
  'a Blob of a file': blobFromSync(PATH, 'text/plain'),
  'a File of a file': fileFromSync(PATH, 'text/plain'),
};

let arrived = '';
const server = createServer(async (request, response) => {
  let end = Number(new URL(request.url, 'http://a').searchParams.get('position'));
  if (request.method !== 'POST') return response.writeHead(404, { 'x-oss-request-id': 'PLAIN' }).end();
  for await (const chunk of request) {
    arrived += chunk;
    end += chunk.length;
  }
  response.writeHead(200, { 'x-oss-next-append-position': end, 'x-oss-request-id': 'PLAIN' }).end();
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}/a.log`;
const client = new PresignedClient({ presign: ({ position }) => `${url}?position=${position}` });

const WAYS = {
  append: (blob) => append(client, 'a.log', blob, { segmentSize: 8, tail: { position: 0 } }),
  resume: (blob) => new AppendableObject(client, 'a.log', { segmentSize: 8 }).resume(blob),
  appendObject: (blob) => client.appendObject('a.log', blob, { position: 0 }),
  chunk: (blob) => append(client, 'a.log', [blob], { tail: { position: 0 } }),
};

const results = {};
for (const [kind, blob] of Object.entries(KINDS)) {
  for (const [way, send] of Object.entries(WAYS)) {
    arrived = '';
    const failure = await send(blob).then(() => '', String);
    results[`${kind}, ${way}`] = failure || (arrived === TEXT ? 'arrived' : arrived);
  }
}
console.log(JSON.stringify(results));
server.close();
