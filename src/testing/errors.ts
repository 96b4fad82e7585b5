// The answers of LocalOss. `Refusal` is an error answer with OSS's status, code, EC and XML elements.
// https://help.aliyun.com/document_detail/32005 (Error responses)

import { base64 } from './encoding.ts';

/** An answer that LocalOss is about to send. `body` is undefined for an answer without a body. */
export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** XML elements that an error adds to the usual ones. A nested record becomes a nested element. */
export type Elements = { readonly [name: string]: string | Elements };

/** Thrown if OSS refuses the request. `reply` turns the error into the answer that is sent. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  readonly ec: string | undefined;
  readonly elements: Elements;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    code: string,
    message: string,
    extra: { readonly ec?: string; readonly elements?: Elements; readonly headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.ec = extra.ec;
    this.elements = extra.elements ?? {};
    this.headers = extra.headers ?? {};
  }

  /**
   * Returns the XML answer. An answer to HEAD has no body, so OSS sends the same XML in base64 in the header x-oss-err.
   */
  reply(request: { readonly method: string; readonly host: string; readonly requestId: string }): Reply {
    const body = new TextEncoder().encode(this.#xml(request));
    const headers: Record<string, string> = { ...this.headers, 'content-type': 'application/xml' };
    if (this.ec !== undefined) headers['x-oss-ec'] = this.ec;
    if (request.method !== 'HEAD') {
      return { status: this.status, headers: { ...headers, 'content-length': String(body.length) }, body };
    }
    return { status: this.status, headers: { ...headers, 'x-oss-err': base64(body) } };
  }

  #xml({ host, requestId }: { readonly host: string; readonly requestId: string }): string {
    const usual: Elements = { Code: this.code, Message: this.message, RequestId: requestId, HostId: host };
    const help: Elements =
      this.ec === undefined ? {} : { EC: this.ec, RecommendDoc: `https://api.aliyun.com/troubleshoot?q=${this.ec}` };
    const lines = xmlElements({ ...usual, ...this.elements, ...help }, '  ');
    return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>\n${lines}</Error>\n`;
  }
}

/** Makes the error 400 InvalidArgument, which names the argument as OSS does. */
export function invalidArgument(name: string, value: string, message: string, ec?: string): Refusal {
  return new Refusal(400, 'InvalidArgument', message, {
    ...(ec === undefined ? {} : { ec }),
    elements: { ArgumentName: name, ArgumentValue: value },
  });
}

function xmlElements(elements: Elements, indent: string): string {
  let lines = '';
  for (const [name, value] of Object.entries(elements)) {
    const content = typeof value === 'string' ? escapeXml(value) : `\n${xmlElements(value, `${indent}  `)}${indent}`;
    lines += `${indent}<${name}>${content}</${name}>\n`;
  }
  return lines;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
