/** The table of causes for docs/doctor.md, made from the table in the code. */
import { FINDINGS, type FindingCode } from '../../src/doctor/findings.ts';
import { toServiceError } from '../../src/request/refusal.ts';

/** The refusals of OSS for each cause: a code, and the words of its message that count. */
export const REFUSALS: Partial<Record<FindingCode, readonly (readonly [code: string, message?: string])[]>> = {
  'body-limit': [['EntityTooLarge']],
  'clock-wrong': [['RequestTimeTooSkewed'], ['AccessDenied', 'Request has expired']],
  'token-expired': [['SecurityTokenExpired'], ['InvalidSecurityToken.Expired']],
  'token-refused': [
    ['InvalidAccessKeyId'],
    ['InvalidSecurityToken'],
    ['AccessKeyIdAndSecurityTokenNotMatch'],
    ['SecurityTokenNotSupported'],
  ],
  'signature-wrong': [['SignatureDoesNotMatch']],
  'region-wrong': [['AccessDenied', 'must be addressed using the specified endpoint']],
  'bucket-missing': [
    ['NoSuchBucket'],
    ['InvalidBucketName'],
    ['AccessDenied', 'The bucket you access does not belong to you'],
  ],
  'cname-needed': [['PublicEndpointForbidden']],
  'endpoint-wrong': [['SecondLevelDomainForbidden'], ['CnameDenied']],
  'no-permission': [['AccessDenied']],
  refused: [['UserDisable'], ['ObjectNotAppendable'], ['AccessDenied', 'referer']],
};

/** Makes the error of the client for a refusal. */
export function refusalOf([code, message = '']: readonly [code: string, message?: string]) {
  const body = `<Error><Code>${code}</Code><Message>${message}.</Message></Error>`;
  return toServiceError(new Response(body, { status: 403 }), 'read', []);
}

async function row(code: FindingCode): Promise<string> {
  const [says, mend] = FINDINGS[code];
  const refusals = REFUSALS[code] ?? [];
  const { message = '' } = refusals[0] ? await refusalOf(refusals[0]) : {};
  const hint = message.split('. Hint: ')[1] ?? 'see the documents of OSS';
  const shown = refusals.map(([name, words]) => `\`${name}\`${words ? ` (${words})` : ''}`).join(', ');
  return `| \`${code}\` | ${says} | ${mend.replace('{hint}', hint)} | ${shown} |`;
}

/** Returns the table in Markdown. */
export async function makeTable(): Promise<string> {
  const rows = await Promise.all((Object.keys(FINDINGS) as FindingCode[]).map(row));
  return ['| Code | Cause | Cure | OSS answers |', '|---|---|---|---|', ...rows].join('\n');
}
