import { credentialsFromUrl, OssClient } from 'oss-append';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useUpload } from './use-upload.ts';

// One client for the whole page, so that all uploads share one token.
const { VITE_OSS_ENDPOINT: endpoint, VITE_OSS_BUCKET: bucket = '' } = import.meta.env;
const credentials = credentialsFromUrl('/sts');
const client = new OssClient({ region: 'cn-hangzhou', bucket, endpoint, credentials });

function App() {
  const [file, setFile] = useState<File>();
  const [paused, setPaused] = useState(false);
  const { loaded, done, error } = useUpload(client, `inbox/${file?.name}`, paused ? undefined : file);
  return (
    <>
      <h1>Upload a file</h1>
      <label>
        File <input type="file" onChange={({ target }) => setFile(target.files?.[0])} />
      </label>
      <button type="button" disabled={!file || done} onClick={() => setPaused(!paused)}>
        {paused ? 'Resume' : 'Pause'}
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
