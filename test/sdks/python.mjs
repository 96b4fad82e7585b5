// The integration tests of the Python SDK V2.
import { environmentFor, outputOf } from './output.mjs';
import { countReasons } from './reasons.mjs';

/** At least this many tests of each file must pass. The other tests need operations that LocalOss lacks. */
const LEAST = {
  test_client: 48,
  test_client_filelike: 16,
  test_bucket_cors_client: 2,
  test_presign: 3,
  test_paginator: 8,
  test_object_basic: 3,
};

export async function* runPython(source, server) {
  const env = environmentFor(server);
  for (const [name, least] of Object.entries(LEAST)) yield { name, least, ...(await runFile(source, name, env)) };
}

async function runFile(cwd, name, env) {
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', `tests/integration/${name}.py`];
  const text = await outputOf(process.env.PYTHON ?? 'python3', args, { cwd, env });
  const count = (word) => Number(new RegExp(`(\\d+) ${word}`).exec(text.split('\n').at(-2) ?? '')?.[1] ?? 0);
  if (!/\d+ (passed|failed|error)/.test(text)) throw new Error(`pytest did not run ${name}: ${text.slice(-2000)}`);
  // pytest marks the lines of an error with an E.
  const sections = text.split(/^_{3,} .* _{3,}$/m).slice(1);
  const failures = sections.map((section) => (section.match(/^E .*$/gm) ?? []).join('\n').replaceAll(/^E\s+/gm, ''));
  return { passed: count('passed'), failed: count('failed') + count('error'), reasons: countReasons(failures) };
}
