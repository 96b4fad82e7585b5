// Entry "./testing/node": LocalOss and LocalSts as a server for clients in every language. It needs Node 20.

export { FileError } from './failure.ts';
export type { AccessKeyPair, ServedRequest, ServeLocalOssOptions } from './options.ts';
export type { LocalOssServer } from './server.ts';
export { serveLocalOss } from './server.ts';
