/**
 * The sessions of the demo: a cookie with the name of a user and an end, signed with HMAC. Your application may use
 * anything else.
 */

/** Options of {@link Sessions}. */
export interface SessionOptions {
  /** A secret of at least 32 characters. */
  readonly secret: string;
  /** The name of the cookie. Default `session`. */
  readonly name?: string | undefined;
  /** How long a cookie is valid, in seconds. Default 3,600. */
  readonly life?: number | undefined;
  /** Returns the time in ms since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' };

/** Makes and reads cookies. */
export class Sessions {
  readonly #secret: string;
  readonly #name: string;
  readonly #life: number;
  readonly #now: () => number;

  constructor({ secret, name = 'session', life = 3600, now = Date.now }: SessionOptions) {
    if (typeof secret !== 'string' || secret.length < 32)
      throw new TypeError('The session secret must have at least 32 characters');
    if (!(Number.isSafeInteger(life) && life > 0))
      throw new RangeError('life must be a whole number of seconds above 0');
    this.#secret = secret;
    this.#name = name;
    this.#life = life;
    this.#now = now;
  }

  /**
   * Returns a `Set-Cookie` header for a user. No script can read the cookie, and requests of other sites do not carry
   * it.
   */
  async issue(user: string, { secure }: { readonly secure: boolean }): Promise<string> {
    const claim = `${user}.${Math.floor(this.#now() / 1000) + this.#life}`;
    const signature = await crypto.subtle.sign('HMAC', await this.#key('sign'), utf8(claim));
    const cookie = `${this.#name}=${claim}.${toHex(new Uint8Array(signature))}`;
    return `${cookie}; Path=/; Max-Age=${this.#life}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  }

  /** Returns the user of a request, or undefined if the request has no cookie that is valid now. */
  async userOf(request: Request): Promise<string | undefined> {
    const [, user, end, hex] = /^([\w-]{1,40})\.(\d{1,12})\.([0-9a-f]{64})$/.exec(cookieOf(request, this.#name)) ?? [];
    if (!user || !end || !hex || Number(end) * 1000 <= this.#now()) return undefined;
    // The function `verify` takes the same time for every wrong signature.
    const good = await crypto.subtle.verify('HMAC', await this.#key('verify'), fromHex(hex), utf8(`${user}.${end}`));
    return good ? user : undefined;
  }

  /** Imports the key again for each call, because a Worker must not await a promise of another request. */
  #key(usage: 'sign' | 'verify'): Promise<CryptoKey> {
    return crypto.subtle.importKey('raw', utf8(this.#secret), HMAC, false, [usage]);
  }
}

function cookieOf(request: Request, wanted: string): string {
  const pairs = (request.headers.get('cookie') ?? '').split(/; */).map((pair) => pair.split('='));
  return pairs.find(([name]) => name === wanted)?.[1] ?? '';
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
