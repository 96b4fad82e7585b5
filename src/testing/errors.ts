// `Refusal` is an error answer with OSS's status, code, EC and XML elements.
// https://help.aliyun.com/document_detail/32005 (Error responses)

import { base64 } from './encoding.ts';
import type { Reply } from './reply.ts';
import { type Elements, xmlDocument } from './xml.ts';

/** Thrown if OSS or STS refuses the request. `reply` turns the error into the answer that OSS sends. */
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
    const body = this.#xml(request);
    const headers: Record<string, string> = { ...this.headers, 'content-type': 'application/xml' };
    if (this.ec !== undefined) headers['x-oss-ec'] = this.ec;
    if (request.method !== 'HEAD') {
      return { status: this.status, headers: { ...headers, 'content-length': String(body.length) }, body };
    }
    return { status: this.status, headers: { ...headers, 'x-oss-err': base64(body) } };
  }

  #xml({ host, requestId }: { readonly host: string; readonly requestId: string }): Uint8Array<ArrayBuffer> {
    const usual: Elements = { Code: this.code, Message: this.message, RequestId: requestId, HostId: host };
    const help: Elements =
      this.ec === undefined ? {} : { EC: this.ec, RecommendDoc: `https://api.aliyun.com/troubleshoot?q=${this.ec}` };
    return xmlDocument('Error', { ...usual, ...this.elements, ...help });
  }
}

/** Makes the error 400 InvalidArgument, which names the argument as OSS does. */
export function invalidArgument(name: string, value: string, message: string, ec?: string): Refusal {
  return new Refusal(400, 'InvalidArgument', message, {
    ...(ec === undefined ? {} : { ec }),
    elements: { ArgumentName: name, ArgumentValue: value },
  });
}

/** Makes the error 501 NotImplemented for an operation that LocalOss lacks. OSS itself has this operation. */
export function notImplemented(name: string): Refusal {
  return new Refusal(501, 'NotImplemented', `LocalOss does not implement ${name}.`);
}
