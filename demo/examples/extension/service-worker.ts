// The service worker of an MV3 extension. The browser ends it when it is idle, so it stores each record at once.
import { credentialsFromUrl } from 'oss-append';
import { IndexedDbJournal, LogAppender } from 'oss-append/log';

// The build puts the addresses in. A real extension asks the user to log in, and gets the token from your server.
declare const OSS_ENDPOINT: string;
declare const OSS_BUCKET: string;
declare const TOKEN_SERVER: string;

const client = {
  region: 'cn-hangzhou',
  bucket: OSS_BUCKET,
  endpoint: OSS_ENDPOINT,
  credentials: credentialsFromUrl(`${TOKEN_SERVER}/sts`),
};
const log = new LogAppender(client, 'inbox/u1/extension.ndjson', {
  shared: true, // the user may have the extension in several browsers
  persist: new IndexedDbJournal('extension'), // a record survives the end of the service worker
  flushAfter: 0,
  onerror: (error) => console.warn(error), // the log tries again by itself
});

chrome.tabs.onUpdated.addListener((_id, { title }) => {
  if (title) log.write({ id: crypto.randomUUID(), time: Date.now(), title });
});
