/**
 * What the doctor says, in Simplified Chinese. The keys are those of the doctor, and the sentences are those of the table
 * in docs/zh-CN/doctor.md; a test compares them.
 */
import type { FindingCode } from '../../../src/doctor/index.ts';

type Row = readonly [says: string, mend: string];

/** The code and the message of OSS stay as they are. */
const refused = (hint: string): Row => ['OSS 拒绝：{what}。', `提示：${hint}。`];
const DENIED: Row = ['令牌不允许对 {key} 执行 {what}，或者它属于另一个前缀。', '在策略里允许它。'];

export const findingsZh: Readonly<Record<FindingCode, Row>> = {
  offline: ['设备没有网络。', '请连接网络。'],
  unreachable: [
    '无法连接 {host}。',
    '检查 Bucket、地域和 Endpoint，并查找是什么在拦截：防火墙、浏览器扩展、connect-src。',
  ],
  'mixed-content': ['使用 HTTPS 的页面不能访问没有 HTTPS 的 {host}。', '请使用 https 的 Endpoint。'],
  'http-page': ['针对 https 的 CORS 规则不允许 {origin}。', '请用 HTTPS 打开页面。'],
  'answer-hidden': [
    '{host} 有响应，但页面看不到：没有 CORS 规则允许 {origin}，或者 Bucket、地域或 Endpoint 有误，或者应答的是认证页。',
    '设置规则，并检查 Bucket、地域和 Endpoint。',
  ],
  'method-missing': ['CORS 规则不允许 {what}。', '设置规则。'],
  'preflight-refused': ['CORS 规则不允许任何请求头，或者 CDN 或代理拒绝 OPTIONS。', '设置规则，CDN 上也要设置。'],
  'header-not-allowed': ['CORS 规则不允许 {what}。', '设置规则。'],
  'header-not-exposed': ['CORS 规则隐藏了 {what}。', '设置规则。'],
  'not-oss': ['认证页或代理代替 OSS 应答：{what}。', '登录网络，或者检查代理。'],
  'body-limit': ['代理拒绝 {what} 字节的请求正文。', '调大它的上限。'],
  'head-cached': ['CDN 或代理缓存了 HEAD 的响应。', '关闭这种缓存。'],
  'no-credentials': ['没有凭证：{what}。', '检查令牌接口或 presign 函数。'],
  'permission-missing': DENIED,
  'clock-wrong': ['签名所用的时钟不准：OSS 的时间是 {what}。', '校准时钟。'],
  'token-expired': ['令牌已过期。', '用函数提供凭证。'],
  'token-refused': refused('STS 的密钥必须与它的 securityToken 一起使用'),
  'signature-wrong': refused('检查 accessKeySecret、region，以及会修改请求头的代理'),
  'region-wrong': refused('Bucket 在另一个地域，请设置 region 和 endpoint'),
  'bucket-missing': refused('检查 bucket、region 和 endpoint；自定义域名需要 cname: true'),
  'cname-needed': refused('把 Bucket 的自定义域名作为 endpoint，并设置 cname: true'),
  'endpoint-wrong': refused('去掉 pathStyle；自定义域名需要 cname: true'),
  'no-permission': DENIED,
  refused: refused('{hint}'),
};
