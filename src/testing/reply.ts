// The answers of LocalOss.

import { type Elements, xmlDocument } from './xml.ts';

/** An answer that LocalOss is about to send. `body` is undefined for an answer without a body. */
export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Returns the headers that each answer of OSS has. `time` is the time of OSS in ms since the epoch. */
export function commonHeaders(requestId: string, time: number): Record<string, string> {
  return { server: 'AliyunOSS', date: httpDate(time), 'x-oss-request-id': requestId, 'x-oss-server-time': '1' };
}

/** Formats a time as HTTP headers do. */
export function httpDate(time: number): string {
  return new Date(time).toUTCString();
}

/** The owner of all buckets and objects. */
export const OWNER: Elements = { ID: '1234567890123456', DisplayName: '1234567890123456' };

/** Returns an answer with an XML document. */
export function xmlReply(root: string, elements: Elements): Reply {
  const body = xmlDocument(root, elements);
  return { status: 200, headers: { 'content-type': 'application/xml', 'content-length': String(body.length) }, body };
}
