/**
 * The advice for the most frequent refusals of OSS. A key says how the code and the message begin, and its value is the
 * end of the error's message. If several keys fit, the first one is used. `npm run docs:errors` writes the same rows into
 * docs/errors.md.
 */
export const ADVICE: Readonly<Record<string, string>> = {
  'AccessDenied .*endpoint': 'the bucket is in another region: set region and endpoint',
  'AccessDenied .*public': 'Block Public Access is on: use a private ACL',
  'AccessDenied .*belong': 'check bucket and the RAM policy',
  'AccessDenied .*referer': 'add this page to the Referer whitelist',
  'AccessDenied .*requester': 'set requestPayer',
  AccessDenied: 'check the RAM policy (oss:PutObject, oss:GetObject; oss:SealAppendObject to seal) and its prefix',
  SecurityTokenExpired: 'give credentials as a function that loads a new securityToken',
  InvalidAccessKeyId: 'check accessKeyId',
  InvalidSecurityToken: 'check securityToken',
  'InvalidArgument .*region': 'set region',
  'ObjectNotAppendable|AppendSealedObjectNotAllowed': 'choose another key',
  SignatureDoesNotMatch: 'check accessKeySecret, region, and proxies that change headers',
  PublicEndpointForbidden: 'give a custom domain of the bucket as endpoint with cname: true',
  SecondLevelDomainForbidden: 'leave out pathStyle; a custom domain needs cname: true',
  'NoSuchBucket|InvalidBucketName': 'check bucket, region and endpoint; only a custom domain needs cname: true',
  'Http413|\\w+TooLarge': 'a proxy limits the body (nginx: client_max_body_size)',
  'UserDisable|InDebt|BucketDisable': 'the account or bucket is suspended: see the OSS console',
};
