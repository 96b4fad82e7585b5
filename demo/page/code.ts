/** Writes the code for what the user just did. */
import type { Place, Route } from './client/clients.ts';

export interface Done {
  readonly route: Route;
  readonly place: Place;
  readonly segmentSize: number;
  readonly keepsType: boolean;
  readonly prefix: string;
  readonly kind: 'files' | 'recording';
}

export function codeFor(done: Done): string {
  return done.kind === 'recording' ? recordingCode(done) : filesCode(done);
}

function filesCode(done: Done): string {
  const { way } = done.route;
  if (way === 'pipe') return pipeCode(done);
  return `import Uppy from '@uppy/core';
import Dashboard from '@uppy/dashboard';
${clientCode(done)}
const uppy = new Uppy()
  .use(Dashboard, { inline: true, target: '#files' })
  .use(OssAppend, {
    client,
    key: (file) => \`${done.prefix}\${file.name}\`,${optionLines(done)}
  });
uppy.on('upload-success', (file, { body }) => console.log(body.key, body.position, body.hashCrc64ecma));
`;
}

function optionLines({ segmentSize, keepsType }: Done): string {
  return [
    ...(segmentSize ? [`\n    segmentSize: ${segmentSize},`] : []),
    ...(keepsType
      ? []
      : ['\n    contentType: null, // the objects get no media type, and the first append needs no preflight']),
  ].join('');
}

function clientCode(done: Done, uploader = "import { OssAppend } from 'oss-append/uppy';\n"): string {
  return done.route.way === 'grant' ? grantClient(done, uploader) : tokenClient(done, uploader);
}

function tokenClient({ place, route }: Done, uploader: string): string {
  const { region, bucket, endpoint, edge } = place;
  const signing = route.signing === 'query' ? "\n  signing: 'query'," : '';
  return `import { credentialsFromUrl, OssClient } from 'oss-append';
${uploader}
const client = new OssClient({
  region: '${region}',
  bucket: '${bucket}',
  endpoint: '${endpoint}',${signing}
  credentials: credentialsFromUrl('${edge}/token', { method: 'POST', credentials: 'include' }),
});`;
}

function grantClient({ place }: Done, uploader: string): string {
  return `import { PresignedClient } from 'oss-append';
import { PageGrants } from 'oss-append/edge';
${uploader}
const client = new PresignedClient({ presign: new PageGrants('${place.edge}').presign });`;
}

function pipeCode({ place, prefix }: Done): string {
  return `import { xhrFetch } from 'oss-append/xhr';

async function send(file: File, bar: HTMLProgressElement) {
  const url = \`${place.edge}/upload/\${encodeURIComponent(\`${prefix}\${file.name}\`)}\`;
  const { position } = await (await fetch(url, { credentials: 'include' })).json();
  bar.max = file.size;
  await xhrFetch(\`\${url}?position=\${position}\`, {
    method: 'POST',
    body: file.slice(position, file.size, file.type),
    credentials: 'include',
    onprogress: ({ loaded }) => { bar.value = position + loaded; },
  });
}
`;
}

function recordingCode(done: Done): string {
  return `${clientCode(done, "import { recordTo } from 'oss-append/log';\n")}
const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
const recorder = new MediaRecorder(stream);
const object = new AppendableObject(client, '${done.prefix}recording.webm', { contentType: recorder.mimeType });
const { tail } = await recordTo(object, recorder, { onbehind: ({ seconds }) => console.log(\`\${seconds} s behind\`) });
`
    .replace('import { credentialsFromUrl, OssClient }', 'import { AppendableObject, credentialsFromUrl, OssClient }')
    .replace('import { PresignedClient }', 'import { AppendableObject, PresignedClient }');
}
