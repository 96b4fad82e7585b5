// A page that uploads a file, shows the confirmed bytes, can pause, and goes on after a failure or a reload.
import { AppendableObject, credentialsFromUrl, OssClient, OssError } from 'oss-append';

const { VITE_OSS_ENDPOINT: endpoint, VITE_OSS_BUCKET: bucket = '' } = import.meta.env;
const client = new OssClient({
  region: 'cn-hangzhou',
  bucket,
  endpoint, // LocalOss; leave it out for a real bucket
  credentials: credentialsFromUrl('/sts'), // allows only keys that begin with inbox/u1/
});

const find = <E extends Element>(name: string) => document.querySelector(name) as E;
const [input, button] = [find<HTMLInputElement>('input'), find<HTMLButtonElement>('button')];
const [progress, output] = [find<HTMLProgressElement>('progress'), find<HTMLOutputElement>('output')];
let running: AbortController | undefined;
let goOn = () => {};

/** Uploads a file, or the rest of it. It rejects only for a mistake of the page itself. */
async function upload(object: AppendableObject, file: File): Promise<void> {
  const controller = new AbortController();
  const { signal } = controller;
  running = controller;
  button.textContent = 'Pause';
  output.textContent = '';
  try {
    const onprogress = ({ loaded }: { loaded: number }) => {
      progress.value = loaded;
    };
    const { position, hashCrc64ecma } = await object.resume(file, { signal, onprogress });
    output.textContent = `${position} bytes stored, CRC-64 ${hashCrc64ecma}`;
    button.disabled = true;
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof OssError)) throw error;
    output.textContent = error.message;
  } finally {
    if (running === controller) {
      running = undefined;
      button.textContent = 'Resume';
    }
  }
}

input.addEventListener('change', () => {
  running?.abort(); // the upload of the file before
  const [file] = input.files ?? [];
  button.disabled = !file;
  if (!file) return;
  progress.max = file.size;
  progress.value = 0;
  const object = new AppendableObject(client, `inbox/u1/${file.name}`); // one for each key, also after a pause
  goOn = () => void upload(object, file);
  goOn();
});
button.addEventListener('click', () => (running ? running.abort() : goOn()));
