// Reads the XML document of CORS rules, as PutBucketCors takes it.
// https://help.aliyun.com/document_detail/32001 (PutBucketCors)

import { type CorsRule, checkCorsRules, MAX_CORS_RULES } from './cors.ts';
import { utf8 } from './encoding.ts';
import { invalidArgument, Refusal } from './errors.ts';
import { xmlWords } from './xml.ts';

/** The longest document in bytes. OSS's answer to a longer one is not documented. */
const MAX_LENGTH = 16_384;

/** Reads a CORSConfiguration. @throws {Refusal} MalformedXML, CORSRuleBeyondLimit or InvalidArgument */
export function readCors(xml: string): { readonly rules: readonly CorsRule[]; readonly responseVary: boolean } {
  if (utf8(xml).length > MAX_LENGTH) throw malformed(`There are more than ${MAX_LENGTH} bytes.`);
  const rules = [...xml.matchAll(/<CORSRule>([\s\S]*?)<\/CORSRule>/g)].map(([, rule = '']) => ruleFrom(rule));
  if (!/<CORSConfiguration[\s>]/.test(xml) || rules.length === 0) throw malformed('There is no CORSRule.');
  if (rules.length > MAX_CORS_RULES)
    throw new Refusal(400, 'CORSRuleBeyondLimit', 'The CORS Rules num is beyond limit', { ec: '0034-00000006' });
  try {
    checkCorsRules(rules);
  } catch (error) {
    throw malformed((error as Error).message);
  }
  return { rules, responseVary: xmlWords(xml, 'ResponseVary')[0] === 'true' };
}

const METHODS: readonly string[] = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];

function ruleFrom(xml: string): CorsRule {
  const allowedOrigins = xmlWords(xml, 'AllowedOrigin');
  const allowedMethods = xmlWords(xml, 'AllowedMethod').map((method) => method.toUpperCase());
  const [age = '', second] = xmlWords(xml, 'MaxAgeSeconds');
  if (second !== undefined || !/^\d*$/.test(age)) throw malformed('A rule has one MaxAgeSeconds, which is a number.');
  if (allowedOrigins.length === 0 || allowedMethods.length === 0) throw malformed('A rule needs origins and methods.');
  const wrong = allowedMethods.find((method) => !METHODS.includes(method));
  if (wrong !== undefined) throw invalidArgument('AllowedMethod', wrong, 'The method is not allowed in a CORS rule.');
  return {
    allowedOrigins,
    allowedMethods: allowedMethods as CorsRule['allowedMethods'],
    allowedHeaders: xmlWords(xml, 'AllowedHeader').map((name) => name.toLowerCase()),
    exposeHeaders: xmlWords(xml, 'ExposeHeader'),
    ...(age === '' ? {} : { maxAgeSeconds: Number(age) }),
  };
}

/** Makes the error 400 MalformedXML. */
export function malformed(why: string): Refusal {
  return new Refusal(400, 'MalformedXML', `The XML you provided was not well-formed or did not validate: ${why}`);
}
