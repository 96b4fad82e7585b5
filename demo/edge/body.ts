/** Bodies of requests: how long they say they are, how long they may be, and whether they came whole. */
import { chunksOf, type Patience } from './reader.ts';
import { badRequest, Refusal } from './refusal.ts';

/** How long a body may be, and how long the edge waits for it. */
export interface BodyLimits extends Patience {
  /** Bytes. */
  readonly most: number;
}

/**
 * The length that a request announces, in bytes; undefined for a body of unknown length.
 *
 * @throws Refusal (400) for a Content-Length that is no number, 413 for more than `most` bytes.
 */
export function announcedLength({ headers }: Request, most: number): number | undefined {
  const text = headers.get('content-length');
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest('Content-Length must be one whole number');
  if (Number(text) > most) throw tooLarge(most);
  return Number(text);
}

/**
 * The chunks of a body, as in `chunksOf`, that together are what was announced and allowed.
 *
 * @throws Refusal when there are more than `most` bytes (413), and when there are more or fewer than the request announced
 * (400): some platforms and proxies end the body of a broken connection as if it were whole.
 */
export async function* wholeBody(
  request: Request,
  { most, ...patience }: BodyLimits,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, void> {
  const announced = announcedLength(request, most);
  let total = 0;
  for await (const chunk of chunksOf(request, patience)) {
    total += chunk.byteLength;
    if (announced !== undefined && total > announced) throw tooLong(announced);
    if (total > most) throw tooLarge(most);
    yield chunk;
  }
  if (announced !== undefined && total < announced) throw incomplete(total, announced);
}

/** @throws Refusal for a body that is too long, or stalls, or is not whole, or is no JSON object. */
export async function readJson(request: Request, limits: BodyLimits): Promise<Record<string, unknown>> {
  const bytes: number[] = [];
  for await (const chunk of wholeBody(request, limits)) bytes.push(...chunk);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes)));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // The parser's message would quote the body.
  }
  throw badRequest('The body must be a JSON object');
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, 'TooLarge', `A body may have ${most} bytes here`);
}

function tooLong(announced: number): Refusal {
  const message = `The body has more than the ${announced} bytes that Content-Length announced`;
  return new Refusal(400, 'BodyTooLong', message);
}

function incomplete(total: number, announced: number): Refusal {
  const message = `The body ended after ${total} of the ${announced} bytes that Content-Length announced: go on from the tail`;
  return new Refusal(400, 'IncompleteBody', message);
}
