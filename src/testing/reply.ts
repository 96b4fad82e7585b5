// The answers of LocalOss.

import { type Elements, xmlDocument } from './xml.ts';

/** An answer that LocalOss is about to send. `body` is undefined for an answer without a body. */
export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** The owner of all buckets and objects. */
export const OWNER: Elements = { ID: '1234567890123456', DisplayName: '1234567890123456' };

/** Returns an answer with an XML document. */
export function xmlReply(root: string, elements: Elements): Reply {
  const body = xmlDocument(root, elements);
  return { status: 200, headers: { 'content-type': 'application/xml', 'content-length': String(body.length) }, body };
}
