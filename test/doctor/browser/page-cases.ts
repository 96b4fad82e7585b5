/** The cases that need a real browser: its network, its rules for HTTPS, and servers other than LocalOss. */
import type { FetchHandler } from '../../../src/testing/node/http.ts';
import type { DoctorCase } from '../cases.ts';

export interface PageCase extends DoctorCase {
  /** The origin of the page, without the port for HTTP. */
  readonly site?: 'http://127.0.0.1' | 'http://page.test' | 'https://page.test';
  /** The path of the page. The page at `/strict` has a Content-Security-Policy that forbids all other hosts. */
  readonly path?: '/' | '/strict';
  /** The origin that the CORS rule allows, if it is not the origin of the page. */
  readonly allowed?: string;
  /** Scheme and host of the endpoint. The port is added. */
  readonly endpoint?: string;
  /** Answers in place of LocalOss. */
  readonly answer?: FetchHandler;
  /** True if nothing listens at the endpoint. */
  readonly isDead?: boolean;
  readonly isOffline?: boolean;
}

const html = (headers: Record<string, string>) => () =>
  new Response('<!doctype html><title>Log in</title>', { headers: { 'content-type': 'text/html', ...headers } });

const never = () => new Promise<Response>(() => {});

export const PAGE_CASES: readonly PageCase[] = [
  { name: 'the device is offline', isOffline: true, ways: ['header', 'query'], finds: ['offline'] },
  { name: 'nothing listens at the endpoint', isDead: true, finds: ['unreachable'] },
  { name: 'the endpoint never answers', answer: never, options: { timeout: 300 }, finds: ['unreachable'] },
  { name: 'the policy of the page forbids the endpoint', path: '/strict', finds: ['unreachable'], says: 'connect-src' },
  {
    name: 'a page with HTTPS and an endpoint without',
    site: 'https://page.test',
    endpoint: 'http://oss.test',
    ways: ['header', 'query'],
    finds: ['mixed-content'],
  },
  {
    name: 'a page without HTTPS, and a rule for its address with HTTPS',
    site: 'http://page.test',
    allowed: 'https://page.test',
    finds: ['answer-hidden', 'http-page'],
  },
  { name: 'a page without HTTPS, and a rule that allows it', site: 'http://page.test', finds: [] },
  {
    name: 'the endpoint is that of another region',
    endpoint: 'http://oss-cn-beijing.aliyuncs.com',
    client: { region: 'cn-beijing' },
    ways: ['header', 'query'],
    finds: ['region-wrong'],
    says: 'oss-cn-hangzhou.aliyuncs.com',
  },
  { name: 'a portal without CORS', answer: html({}), finds: ['answer-hidden'] },
  {
    name: 'a portal that allows every origin',
    answer: html({ 'access-control-allow-origin': '*' }),
    finds: ['not-oss'],
  },
];
