/** Writes the report of a run in Markdown. It contains no key, no token, no signed URL and no name of a bucket. */
import { redact } from '../../src/redact.ts';
import type { Report } from '../runtimes/context.ts';
import type { LiveSettings } from './environment.ts';
import type { QuestionAnswer } from './questions.ts';

/** The report of one runtime. */
export interface RuntimeReport extends Report {
  readonly runtime: string;
}

/** What a report is made of. */
export interface LiveResults {
  readonly date: Date;
  readonly version: string;
  readonly runtimes: readonly RuntimeReport[];
  readonly answers: readonly QuestionAnswer[];
  /** Keys that could not be deleted. */
  readonly left: readonly string[];
}

const count = ({ results }: Report, status: string) => results.filter((result) => result.status === status).length;

const cell = (text: string) => text.replaceAll('|', '\\|').replace(/\s+/g, ' ');

/** Returns the report. */
export function writeReport(results: LiveResults, settings: LiveSettings): string {
  const { date, version, runtimes, answers, left } = results;
  const { region, endpoint, cname, credentials } = settings;
  const where = endpoint ? (cname ? 'a custom domain' : 'an endpoint of the environment') : 'the public endpoint';
  const lines = [
    `# oss-append ${version} on a bucket: ${date.toISOString().slice(0, 10)}`,
    '',
    `Region ${region}, ${where}, with ${credentials.securityToken ? 'an STS token' : 'a RAM key'}. Node ${process.versions.node} on ${process.platform}.`,
    '',
    '## The runtime suite',
    '',
    '| Runtime | Passed | Failed | Skipped |',
    '|---|---|---|---|',
    ...runtimes.map(
      (one) => `| ${one.runtime} | ${count(one, 'passed')} | ${count(one, 'failed')} | ${count(one, 'skipped')} |`,
    ),
    '',
    ...runtimes.flatMap(failures),
    '## What OSS answered',
    '',
    '| Question | Answer |',
    '|---|---|',
    ...answers.map(({ id, asks, answer }) => `| ${id}: ${cell(asks)} | ${cell(answer)} |`),
    '',
    '## Cleaning up',
    '',
    left.length === 0
      ? 'Every object of this run was deleted.'
      : `${left.length} objects could not be deleted. They are below the prefix ${settings.prefix}`,
    '',
  ];
  return harmless(lines.join('\n'), settings);
}

function failures({ runtime, results }: RuntimeReport): string[] {
  const failed = results.filter(({ status }) => status === 'failed');
  return failed.length === 0 ? [] : [...failed.map(({ name, reason }) => `- ${runtime}: ${name}: ${reason}`), ''];
}

/** Removes secrets and names of the account. */
function harmless(text: string, { bucket, credentials }: LiveSettings): string {
  const { accessKeyId, accessKeySecret, securityToken = '' } = credentials;
  const named = text.replaceAll(bucket, 'BUCKET').replaceAll(accessKeyId, 'KEY');
  const secrets = [accessKeySecret, securityToken];
  return named
    .split('\n')
    .map((line) => redact(line, secrets))
    .join('\n');
}
