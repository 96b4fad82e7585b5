/** Bodies of requests: their announced length, their greatest allowed length, and whether they arrived completely. */
import { chunksOf, type Patience } from './body-reader.ts';
import { badRequest, Refusal } from './refusal.ts';

/** The greatest length of a body, and how long the edge waits for its bytes. */
export interface BodyLimits extends Patience {
  /** The greatest length in bytes. */
  readonly most: number;
}

/**
 * Returns the length in bytes that a request announces, or undefined for a body of unknown length.
 *
 * @throws Refusal: 400 if the Content-Length is not a number, 413 if it is above `most` bytes.
 */
export function announcedLength({ headers }: Request, most: number): number | undefined {
  const text = headers.get('content-length');
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest('Content-Length must be one whole number');
  if (Number(text) > most) throw tooLarge(most);
  return Number(text);
}

/**
 * Yields the chunks of a body, like `chunksOf`, and checks their total length.
 *
 * @throws Refusal: 413 if the body has more than `most` bytes, 400 if it has more or fewer bytes than the request
 *   announced. Some platforms and proxies end the body of a broken connection as if it were complete.
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

/** Reads a JSON object. @throws Refusal if the body is too long, stops, is not complete, or is not a JSON object. */
export async function readJson(request: Request, limits: BodyLimits): Promise<Record<string, unknown>> {
  const bytes: number[] = [];
  for await (const chunk of wholeBody(request, limits)) bytes.push(...chunk);
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array(bytes)));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // The message of the parser would quote the body.
  }
  throw badRequest('The body must be a JSON object');
}

function tooLarge(most: number): Refusal {
  return new Refusal(413, 'TooLarge', `This body may have at most ${most} bytes`);
}

function tooLong(announced: number): Refusal {
  const message = `The body has more than the ${announced} bytes that Content-Length announced`;
  return new Refusal(400, 'BodyTooLong', message);
}

function incomplete(total: number, announced: number): Refusal {
  const message = `The body ended after ${total} of the ${announced} bytes that Content-Length announced: continue at the tail`;
  return new Refusal(400, 'IncompleteBody', message);
}
