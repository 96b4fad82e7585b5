/** What the doctor says, in Simplified Chinese. The keys are those of the doctor. */
import type { FindingCode } from '../../../src/doctor/index.ts';

type Row = readonly [says: string, mend: string];

/** The words of OSS itself stay as they are. */
const REFUSED: Row = ['OSS 拒绝：{what}。', '提示：{hint}。'];
const DENIED: Row = ['令牌不允许对 {key} 执行 {what}，或者属于另一个前缀。', '请在策略中允许。'];

export const findingsZh: Readonly<Record<FindingCode, Row>> = {
  offline: ['此设备没有网络。', '请连接网络。'],
  unreachable: [
    '无法连接 {host}。',
    '请检查 Bucket、地域和地址，并查找是什么在拦截：防火墙、浏览器扩展或 connect-src。',
  ],
  'mixed-content': ['使用 HTTPS 的页面不能访问没有 HTTPS 的 {host}。', '请使用 https 地址。'],
  'http-page': ['只针对 https 的跨域规则不允许 {origin}。', '请用 HTTPS 打开页面。'],
  'answer-hidden': [
    '{host} 有应答，但页面看不到：没有跨域规则允许 {origin}，或者 Bucket、地域、地址有误，或者是登录页面在应答。',
    '请设置规则，并检查 Bucket、地域和地址。',
  ],
  'method-missing': ['跨域规则不允许 {what}。', '请设置规则。'],
  'preflight-refused': ['跨域规则不允许任何请求头，或者 CDN、代理拒绝 OPTIONS。', '请设置规则，CDN 上也要设置。'],
  'header-not-allowed': ['跨域规则不允许 {what}。', '请设置规则。'],
  'header-not-exposed': ['跨域规则隐藏了 {what}。', '请设置规则。'],
  'not-oss': ['登录页面或代理代替 OSS 应答：{what}。', '请登录网络，或检查代理。'],
  'body-limit': ['代理拒绝 {what} 字节的请求体。', '请提高它的限制。'],
  'head-cached': ['CDN 或代理缓存了 HEAD。', '请关闭这种缓存。'],
  'no-credentials': ['没有凭证：{what}。', '请检查提供凭证的接口。'],
  'permission-missing': DENIED,
  'clock-wrong': ['签名所用的时钟不准：OSS 的时间是 {what}。', '请校准时钟。'],
  'token-expired': ['令牌已过期。', '请用函数提供凭证。'],
  'token-refused': REFUSED,
  'signature-wrong': REFUSED,
  'region-wrong': REFUSED,
  'bucket-missing': REFUSED,
  'cname-needed': REFUSED,
  'endpoint-wrong': REFUSED,
  'no-permission': DENIED,
  refused: REFUSED,
};
