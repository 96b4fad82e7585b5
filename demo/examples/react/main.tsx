import { credentialsFromUrl, OssClient } from 'oss-append';
import { type ChangeEvent, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useUpload } from './use-upload.ts';

// One client for the whole page, so that all uploads share one token. The token allows keys that begin with inbox/u1/.
const { VITE_OSS_ENDPOINT: endpoint, VITE_OSS_BUCKET: bucket = '' } = import.meta.env;
const credentials = credentialsFromUrl('/sts');
const client = new OssClient({ region: 'cn-hangzhou', bucket, endpoint, credentials });

function App() {
  const [file, setFile] = useState<File>();
  const { loaded, done, error, running, setRunning } = useUpload(client, `inbox/u1/${file?.name}`, file);
  const pick = ({ target }: ChangeEvent<HTMLInputElement>) => {
    setFile(target.files?.[0]);
    setRunning(true);
  };
  return (
    <>
      <h1>Upload a file</h1>
      <label>
        File <input type="file" onChange={pick} />
      </label>
      <button type="button" disabled={!file || done} onClick={() => setRunning(!running)}>
        {running ? 'Pause' : 'Resume'}
      </button>
      <progress value={loaded} max={file?.size ?? 1} aria-label="Confirmed bytes" />
      <output>{done ? `${loaded} bytes stored` : error instanceof Error ? error.message : ''}</output>
    </>
  );
}

createRoot(document.querySelector('#root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
