// A page that uploads a file, shows the confirmed bytes, can pause, and goes on after a reload.
import { AppendableObject, credentialsFromUrl, OssClient, OssError } from 'oss-append';

const { VITE_OSS_ENDPOINT: endpoint, VITE_OSS_BUCKET: bucket = '' } = import.meta.env;
const client = new OssClient({
  region: 'cn-hangzhou',
  bucket,
  endpoint, // LocalOss; leave it out for a real bucket
  credentials: credentialsFromUrl('/sts'),
});

const find = <E extends Element>(name: string) => document.querySelector(name) as E;
const [input, button] = [find<HTMLInputElement>('input'), find<HTMLButtonElement>('button')];
const [progress, output] = [find<HTMLProgressElement>('progress'), find<HTMLOutputElement>('output')];
let stop: AbortController | undefined;

async function upload(file: File): Promise<void> {
  stop = new AbortController();
  progress.max = file.size;
  output.textContent = '';
  button.textContent = 'Pause';
  try {
    const tail = await new AppendableObject(client, `inbox/${file.name}`).resume(file, {
      signal: stop.signal,
      onprogress: ({ loaded }) => {
        progress.value = loaded;
      },
    });
    output.textContent = `${tail.position} bytes stored, CRC-64 ${tail.hashCrc64ecma}`;
  } catch (error) {
    if (stop.signal.aborted) button.textContent = 'Resume';
    else if (error instanceof OssError) output.textContent = error.message;
    else throw error;
  }
}

input.addEventListener('change', () => {
  const [file] = input.files ?? [];
  button.disabled = !file;
  if (file) void upload(file);
});
button.addEventListener('click', () => {
  const [file] = input.files ?? [];
  if (button.textContent === 'Pause') stop?.abort();
  else if (file) void upload(file);
});
