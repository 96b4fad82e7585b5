/** What the doctor says, in Simplified Chinese. The keys are those of the doctor. */
import type { FindingCode } from '../../../src/doctor/index.ts';

export const findingsZh: Readonly<Record<FindingCode, readonly [says: string, mend: string]>> = {
  offline: ['此设备没有网络。', '请连接网络。'],
  unreachable: [
    '无法连接 {host}：名称有误，或被防火墙或浏览器扩展拦截。',
    '请检查地域、Bucket 和地址，然后换一个网络再试。',
  ],
  'page-policy': ['本页面的内容安全策略（CSP）禁止访问 {host}。', '请把 {host} 加入 connect-src。'],
  'mixed-content': ['页面使用 HTTPS，而 {host} 使用 HTTP，浏览器会拦截。', '请使用 https 地址。'],
  'http-page': [
    '页面使用 HTTP，而只针对 https 的跨域规则不允许 {origin}。',
    '请用 HTTPS 打开页面，或把 {origin} 加入规则。',
  ],
  'answer-hidden': [
    '{host} 有应答，但页面不能读取：没有跨域规则允许 {origin}，或者 Bucket、地域、地址有误，或者是登录页面在应答。',
    '请设置规则。如果已设置，请检查 Bucket、地域和地址，并在标签页中打开 https://{host}。',
  ],
  'method-missing': ['跨域规则不允许 {names}。', '请把 {names} 加入允许的方法。'],
  'preflight-refused': [
    '预检请求被拒绝：跨域规则不允许任何请求头，或 CDN、代理不转发 OPTIONS。',
    '请设置规则，CDN 上也要设置。',
  ],
  'header-not-allowed': ['跨域规则不允许 {names}。', '请允许请求头 *，或加入 {names}。'],
  'header-not-exposed': ['跨域规则隐藏了 {names}。', '请暴露规则中列出的响应头。'],
  'not-oss': ['有其他服务代替 OSS 应答：{why}。', '请登录网络，并检查代理和地址。'],
  'body-limit': [
    '{size} 字节的请求体无法到达：代理限制了大小。',
    '请提高限制（nginx：client_max_body_size），或设置更小的 segmentSize。',
  ],
  'head-cached': ['CDN 或代理用缓存应答 HEAD。', '请关闭缓存，或使用 OSS 的地址。'],
  'clock-wrong': ['签名所用的时钟不准：OSS 的时间是 {time}。', '请校准设备或签名服务器的时钟。'],
  'no-credentials': ['没有可用的凭证：{why}。', '请检查令牌接口或 presign 函数。'],
  'token-expired': ['令牌已过期。', '请用函数提供凭证，以便加载新的令牌。'],
  'token-refused': ['OSS 不认识此密钥或令牌（{why}）。', '请使用同一个 AssumeRole 应答中的所有字段。'],
  'signature-wrong': [
    '签名错误：accessKeySecret 与密钥不匹配，或代理改动了请求。',
    '请重新复制 Secret，然后绕过代理再试。',
  ],
  'no-permission': [
    '令牌既不允许读取也不允许追加“{key}”：它属于另一个前缀，或没有权限。',
    '请为此键允许 oss:PutObject 和 oss:GetObject。',
  ],
  'get-missing': ['令牌不允许读取“{key}”。', '请允许 oss:GetObject。'],
  'put-missing': ['令牌不允许追加“{key}”。', '请允许 oss:PutObject。'],
  'tagging-missing': ['令牌不允许设置标签。', '请允许 oss:PutObjectTagging。'],
  'bucket-missing': ['{host} 上没有这个 Bucket。', '请检查 Bucket 和地域。自定义域名需要 cname: true。'],
  'region-wrong': ['Bucket 在另一个地域（{why}）。', '请填写它的地域和地址。'],
  'endpoint-wrong': ['OSS 不在 {host} 提供此 Bucket（{why}）。', '请去掉 pathStyle，或绑定自定义域名。'],
  'cname-needed': ['OSS 不允许此账号使用公共地址。', '请绑定自定义域名，作为 endpoint 并设置 cname: true。'],
  refused: ['OSS 拒绝：{why}。', '请在 OSS 文档中查询此代码。'],
};
