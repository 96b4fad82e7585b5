/**
 * The codes of docs/errors.md with cause and cure, in both languages. `npm run docs:errors` writes the page from this
 * table and from the advice that the messages of refusals give (src/request/advice.ts).
 */

/** A sentence of the page, in both languages. */
export interface Words {
  readonly en: string;
  readonly zh: string;
}

export interface CodeRow {
  readonly class: string;
  readonly cause: Words;
  readonly cure: Words;
  /** The advice that the message of this error ends with. A test looks for it in the sources, and in `cure.en`. */
  readonly says?: string;
}

const anotherKey: Words = { en: 'Choose another key.', zh: '换一个 Key。' };
const fromZero: Words = { en: 'Begin again from 0.', zh: '从 0 重新开始。' };

/** The codes of the library. */
export const LIBRARY: Readonly<Record<string, CodeRow>> = {
  NetworkError: {
    class: 'TransportError',
    cause: {
      en: 'No answer came. In a page, CORS may also have hidden the answer.',
      zh: '没有得到响应。在页面里，也可能是 CORS 隐藏了响应。',
    },
    cure: {
      en: 'Check the network, region, bucket, endpoint, cname and, in a page, CORS. Then call `resume` or `settle`.',
      zh: '检查网络、region、bucket、endpoint 和 cname；在页面里还要检查 CORS 规则。然后调用 `resume` 或 `settle`。',
    },
    says: 'Check the network, region, bucket, endpoint, cname and, in a page, CORS',
  },
  TimeoutError: {
    class: 'TransportError',
    cause: {
      en: 'An attempt took longer than `timeout`. The default is 30 s, and one more second for each 32 KiB.',
      zh: '一次尝试超过了 `timeout`。默认为 30 秒，每 32 KiB 再加 1 秒。',
    },
    cure: {
      en: 'If this happens rarely, do nothing: the library tries again with smaller segments. Otherwise raise `timeout`.',
      zh: '偶尔出现时不用处理：库会用更小的分段重试。否则请调大 `timeout`。',
    },
  },
  UnexpectedResponse: {
    class: 'TransportError',
    cause: {
      en: 'The answer is not from OSS: a portal, a proxy, a redirect, a cached copy, or a site that answers every path.',
      zh: '响应不是 OSS 给出的，而是来自上网认证页、代理、重定向、缓存，或者对任何路径都应答的网站。',
    },
    cure: {
      en: 'Log in to the network, or check proxies and the endpoint. Do not read positions through a CDN.',
      zh: '先完成上网认证，或者检查代理和 Endpoint。不要通过 CDN 读取位置。',
    },
    says: 'check proxies and the endpoint',
  },
  AppendConflict: {
    class: 'AppendConflictError',
    cause: {
      en: 'Another writer changed the object, or it was deleted or replaced.',
      zh: '另一个写入方改变了 Object，或者它被删除或替换。',
    },
    cure: { en: 'Choose another key, or set `shared: true`.', zh: '换一个 Key，或者设置 `shared: true`。' },
  },
  ObjectNotAppendable: {
    class: 'AppendConflictError',
    cause: {
      en: 'The object was made by PutObject or by a multipart upload. OSS never appends to such objects.',
      zh: 'Object 由 PutObject 或分片上传创建。OSS 从不向这种 Object 追加。',
    },
    cure: anotherKey,
    says: 'choose another key',
  },
  DifferentPrefix: {
    class: 'ChecksumError',
    cause: { en: 'The object does not begin with this file.', zh: 'Object 的开头不是这个文件。' },
    cure: { en: 'Choose another key. Nothing was sent.', zh: '换一个 Key。没有发送任何内容。' },
  },
  ChecksumMismatch: {
    class: 'ChecksumError',
    cause: { en: 'OSS holds other bytes than those that were sent.', zh: 'OSS 里的字节与发送的不同。' },
    cure: { en: 'Do not append again. Begin a new object.', zh: '不要再追加，请新建 Object。' },
    says: 'Do not append again',
  },
  Unsettled: {
    class: 'OssError',
    cause: {
      en: '`settle` was called too late: after the failed append, another segment was sent.',
      zh: '`settle` 调用得太晚：在那之后又发送过别的分段。',
    },
    cure: {
      en: 'Settle that append first: call `settle` with the error of the later append.',
      zh: '先处理后来的那次追加：用它的错误调用 `settle`。',
    },
    says: 'Settle that append first',
  },
  SourceError: {
    class: 'SourceError',
    cause: {
      en: 'The file changed or disappeared, or the stream failed.',
      zh: '文件发生了变化或者消失了，或者流失败了。',
    },
    cure: {
      en: 'Let the user pick the file again, and call `resume`.',
      zh: '让用户重新选择文件，再调用 `resume`。',
    },
  },
  EntityTooLarge: {
    class: 'OssError',
    cause: { en: 'The object would be longer than 5 GiB.', zh: 'Object 会超过 5 GiB。' },
    cure: { en: 'Go on with the next key.', zh: '改用下一个 Key。' },
  },
  CredentialsLoadFailed: {
    class: 'CredentialsError',
    cause: {
      en: 'Your token endpoint failed, or its answer has no credentials.',
      zh: '您的令牌接口失败了，或者它的响应里没有凭证。',
    },
    cure: { en: 'Read `cause`. Check the endpoint.', zh: '查看 `cause`，检查接口。' },
  },
  InvalidCredentials: {
    class: 'CredentialsError',
    cause: { en: 'The credentials are incomplete or malformed.', zh: '凭证不完整或格式不对。' },
    cure: { en: 'Correct the field that the message names.', zh: '请改正错误信息指出的字段。' },
  },
  CredentialsExpired: {
    class: 'CredentialsError',
    cause: {
      en: 'A presigned request cannot be made, because the token has already expired.',
      zh: '令牌已经过期，所以无法生成预签名请求。',
    },
    cure: {
      en: 'Give `credentials` as a function (`refreshingCredentials`), so that the client loads a new token.',
      zh: '用函数（`refreshingCredentials`）提供 `credentials`，让客户端加载新的令牌。',
    },
  },
  PermanentKeyInPage: {
    class: 'CredentialsError',
    cause: {
      en: 'In a page, the function `credentials` gave a key without `securityToken`. If the key is given to the constructor itself, the constructor throws a TypeError, which has no code.',
      zh: '在页面里，函数 `credentials` 给出了没有 `securityToken` 的密钥。如果把密钥直接交给构造函数，构造函数会抛出 TypeError，它没有错误码。',
    },
    cure: {
      en: 'Give the page an STS token. Set `allowInPage: true` only for an OSS on your machine.',
      zh: '给页面 STS 令牌。只有使用本机上的 OSS 时，才设置 `allowInPage: true`。',
    },
  },
  PresignFailed: {
    class: 'CredentialsError',
    cause: {
      en: 'Your `presign` function failed, or gave no usable request.',
      zh: '您的 `presign` 函数失败了，或者没有给出可用的请求。',
    },
    cure: { en: 'Read `cause`.', zh: '查看 `cause`。' },
  },
  Http413: {
    class: 'ServiceError',
    cause: {
      en: 'A server on the way answered with this HTTP status, and without the XML of OSS. Other statuses give codes such as `Http502`.',
      zh: '途中的某个服务器以这个 HTTP 状态码应答，而且没有 OSS 的 XML。`Http502` 等也是这样来的。',
    },
    cure: {
      en: 'Check proxies. For 413, raise the limit of the body.',
      zh: '检查代理。413 表示需要调大请求正文的上限。',
    },
  },
};

/** The codes of logs, recordings and tails. */
export const LOG: Readonly<Record<string, CodeRow>> = {
  ObjectDeleted: {
    class: 'ObjectChangedError',
    cause: { en: 'The object that `tail` follows was deleted.', zh: '`tail` 跟随的 Object 已被删除。' },
    cure: { en: 'Begin again with the new object.', zh: '从新的 Object 重新开始。' },
  },
  ObjectShorter: {
    class: 'ObjectChangedError',
    cause: {
      en: 'The object is shorter than before, because it was replaced or because an answer came from a cache.',
      zh: 'Object 比以前短，因为它被替换了，或者响应来自缓存。',
    },
    cure: fromZero,
  },
  ObjectReplaced: {
    class: 'ObjectChangedError',
    cause: {
      en: 'Another object has replaced the object that `tail` follows.',
      zh: '原来的 Object 已被另一个 Object 取代。',
    },
    cure: fromZero,
  },
  ContentEncoded: {
    class: 'OssError',
    cause: {
      en: '`fetch` decodes the bytes, because the object has a Content-Encoding.',
      zh: 'Object 带有 Content-Encoding，`fetch` 会解码它的字节。',
    },
    cure: {
      en: 'Store compressed data as `application/gzip` without Content-Encoding, as `gzip: true` does.',
      zh: '把压缩数据存为 `application/gzip`，不带 Content-Encoding，就像 `gzip: true` 那样。',
    },
  },
  LineTooLong: {
    class: 'OssError',
    cause: {
      en: 'A line has more than 16 MiB, which is all that `tailLines` holds.',
      zh: '某一行超过了 16 MiB，即 `tailLines` 能持有的上限。',
    },
    cure: { en: 'Use `tail`, which gives bytes.', zh: '使用给出字节的 `tail`。' },
  },
  ObjectNotEmpty: {
    class: 'OssError',
    cause: { en: 'A recording must begin at the beginning of an object.', zh: '录制必须从 Object 的开头开始。' },
    cure: anotherKey,
  },
  NotWebm: {
    class: 'OssError',
    cause: {
      en: "Only WebM can be cut into clusters, which `whenFull: 'drop'` needs.",
      zh: "`whenFull: 'drop'` 需要按 cluster 切分，而只有 WebM 可以这样切分。",
    },
    cure: { en: "Use `whenFull: 'wait'` or `'stop'`.", zh: "使用 `whenFull: 'wait'` 或 `'stop'`。" },
    says: "Use whenFull: 'wait' or 'stop'",
  },
};

/** The codes of `oss-append/uppy`, for files that fail before or beside their append. */
export const UPPY: Readonly<Record<string, CodeRow>> = {
  RemoteFile: {
    class: 'UploadError',
    cause: {
      en: 'The file is on a remote server (Companion), so the page does not have its bytes.',
      zh: '文件在远程服务器上（Companion），页面没有它的数据。',
    },
    cure: { en: 'Let the user pick a local file.', zh: '让用户选择本地文件。' },
  },
  DataMissing: {
    class: 'UploadError',
    cause: {
      en: 'The file was restored after a reload without its data (a ghost file).',
      zh: '页面刷新之后，文件恢复了，但没有数据（ghost 文件）。',
    },
    cure: { en: 'Pick the file again.', zh: '重新选择这个文件。' },
    says: 'Pick the file again',
  },
  NotABlob: {
    class: 'UploadError',
    cause: {
      en: 'The data is a stream or a running recording, which cannot be read again for a retry.',
      zh: '数据是流或正在进行的录制，重试时无法再读一次。',
    },
    cure: { en: 'Append it with `recordTo` or `append`.', zh: '用 `recordTo` 或 `append` 追加它。' },
  },
  KeyInUse: {
    class: 'UploadError',
    cause: { en: 'Another file is being uploaded with the same key.', zh: '另一个文件正在用同一个 Key 上传。' },
    cure: { en: 'Return different keys from the option `key`.', zh: '让选项 `key` 返回不同的 Key。' },
  },
  InvalidCall: {
    class: 'UploadError',
    cause: {
      en: 'An option or a function of your page threw. `cause` is its error.',
      zh: '您页面里的某个选项或函数抛出了错误。`cause` 就是它。',
    },
    cure: { en: 'Read `cause`.', zh: '查看 `cause`。' },
  },
  Uninstalled: {
    class: 'UploadError',
    cause: {
      en: 'The plugin was removed while the file was in flight.',
      zh: '文件正在上传时，插件被移除了。',
    },
    cure: { en: 'If this was intended, do nothing.', zh: '如果这是有意的，就不用处理。' },
  },
};

/** The advice of src/request/advice.ts in Chinese, by the same keys. */
export const ADVICE_ZH: Readonly<Record<string, string>> = {
  'AccessDenied .*endpoint': 'Bucket 在另一个地域：请设置 region 和 endpoint',
  'AccessDenied .*public': '已开启阻止公共访问：请使用私有 ACL',
  'AccessDenied .*belong': '请检查 bucket 和 RAM 策略',
  'AccessDenied .*referer': '请把这个页面加入 Referer 白名单',
  'AccessDenied .*requester': '请设置 requestPayer',
  AccessDenied: '请检查 RAM 策略（oss:PutObject、oss:GetObject；封存需要 oss:SealAppendObject）及其前缀',
  SecurityTokenExpired: '请用函数提供凭证，由它加载新的 securityToken',
  InvalidAccessKeyId: '请检查 accessKeyId',
  InvalidSecurityToken: '请检查 securityToken',
  'InvalidArgument .*region': '请设置 region',
  'ObjectNotAppendable|AppendSealedObjectNotAllowed': '请换一个 Key',
  SignatureDoesNotMatch: '请检查 accessKeySecret、region，以及会修改请求头的代理',
  PublicEndpointForbidden: '请把 Bucket 的自定义域名作为 endpoint，并设置 cname: true',
  SecondLevelDomainForbidden: '请去掉 pathStyle；自定义域名需要 cname: true',
  'NoSuchBucket|InvalidBucketName': '请检查 bucket、region 和 endpoint；使用自定义域名时设置 cname: true，否则不要设置',
  'Http413|\\w+TooLarge': '代理限制了请求正文的大小（nginx：client_max_body_size）',
  'UserDisable|InDebt|BucketDisable': '账号或 Bucket 已被停用：请查看 OSS 控制台',
};
