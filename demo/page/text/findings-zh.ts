/**
 * What the doctor says, in Simplified Chinese. The keys are those of the doctor, and the sentences are those of the table
 * in docs/zh-CN/doctor.md; a test compares them.
 */
import type { FindingCode } from '../../../src/doctor/index.ts';

type Row = readonly [says: string, mend: string];

/** The code and the message of OSS stay as they are. */
const refused = (hint: string): Row => ['OSS 拒绝：{what}。', `提示：${hint}。`];
const DENIED: Row = ['令牌不允许对 {key} 执行 {what}。', '检查 RAM 策略、其中的前缀和 Bucket 策略。'];

export const findingsZh: Readonly<Record<FindingCode, Row>> = {
  offline: ['设备处于离线状态。', '请连接网络。'],
  unreachable: [
    '{host} 没有响应。',
    '检查 Bucket、地域和 Endpoint（自定义域名需要 cname: true）以及防火墙；在页面里还要检查浏览器扩展和 connect-src。',
  ],
  'mixed-content': ['页面使用 HTTPS，但 Endpoint 没有使用。', '请给出使用 HTTPS 的 Endpoint。'],
  'http-page': ['页面没有使用 HTTPS，所以针对 https 的 CORS 规则都不允许 {origin}。', '请用 HTTPS 打开页面。'],
  'answer-hidden': [
    '{host} 有响应，但没有 CORS 规则允许 {origin}，或者应答的是上网认证页。',
    '检查 Bucket、地域和 Endpoint，并设置规则。',
  ],
  'method-missing': ['CORS 规则不允许 {what}。', '设置规则。'],
  'preflight-refused': ['CORS 规则不允许 {what}，或者 CDN 或代理拒绝 OPTIONS。', '设置规则。'],
  'header-not-allowed': ['CORS 规则不允许 {what}。', '设置规则。'],
  'header-not-exposed': ['CORS 规则没有暴露 {what}。', '设置规则。'],
  'not-oss': ['应答的是上网认证页或代理，不是 OSS：{what}。', '先完成上网认证，或者检查代理和 Endpoint。'],
  'body-limit': ['代理限制请求正文：它拒绝 {what} 字节。', '调大它的上限。'],
  'head-cached': ['CDN 或代理缓存了 HEAD 的响应。', '关闭这种缓存。'],
  'no-credentials': ['没有凭证（{what}）。', '检查令牌接口或 presign。'],
  'permission-missing': DENIED,
  'clock-wrong': ['签名所用的时钟不准，或者签名 URL 已经过期。', '校准时钟，或者签名一个新的 URL。'],
  'token-expired': ['令牌已过期。', '用函数提供凭证，由它加载新的 securityToken。'],
  'token-refused': ['OSS 拒绝：{what}。', '检查 accessKeyId 和 securityToken。'],
  'signature-wrong': refused('检查 accessKeySecret、region，以及会修改请求头的代理'),
  'region-wrong': refused('Bucket 在另一个地域，请设置 region 和 endpoint'),
  'bucket-missing': refused(
    '检查 bucket、region 和 endpoint；使用自定义域名时设置 cname: true，否则不要设置。如果 Bucket 属于别的账号，还要检查 RAM 策略',
  ),
  'cname-needed': refused('把 Bucket 的自定义域名作为 endpoint，并设置 cname: true'),
  'endpoint-wrong': ['OSS 拒绝：{what}。', '去掉 pathStyle。Bucket 的自定义域名需要 cname: true。'],
  'no-permission': DENIED,
  refused: refused('{hint}'),
};
