/** tuspy, the tus client for Python, unmodified: with checksums, in chunks, and over a network that drops connections. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { noise } from '../edge/senders.ts';
import type { Results, World } from './world.ts';

/** Uploads a file as the arguments say, and prints the URL of the upload. */
const SCRIPT = `
import json, sys
from tusclient import client
given = json.loads(sys.argv[1])
tus = client.TusClient(given["endpoint"], headers={"cookie": given["cookie"]})
uploader = tus.uploader(
    given["file"], chunk_size=given["chunk"], metadata={"filename": "py-\\u9032\\u5ea6.bin"},
    retries=given["retries"], retry_delay=0.05, upload_checksum=given["checksum"])
if given["stop"]:
    uploader.upload(stop_at=given["stop"])
    uploader = tus.uploader(given["file"], chunk_size=given["chunk"], url=uploader.url)
    assert uploader.offset >= given["stop"], uploader.offset
uploader.upload()
print(uploader.url)
`;

interface Scenario {
  readonly file: string;
  readonly endpoint: string;
  readonly chunk: number;
  readonly retries?: number;
  readonly checksum?: boolean;
  readonly stop?: number;
}

function upload(python: string, world: World, scenario: Scenario): Promise<string> {
  const usual = { cookie: world.cookie, retries: 0, checksum: false, stop: 0 };
  const given = { ...usual, ...scenario, endpoint: `${scenario.endpoint}/upload` };
  const child = spawn(python, ['-c', SCRIPT, JSON.stringify(given)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => {
      if (code === 0) resolve(output.trim());
      else reject(new Error(`Python ended with code ${code}: ${errors.slice(-800)}`));
    });
  });
}

/** Runs the scenarios with a Python that has the client. */
export async function runPython(
  name: string,
  world: World,
  { python, results }: { readonly python: string; readonly results: Results },
): Promise<void> {
  const bytes = noise(3_000_007, 5);
  const file = `build/tus/python-${name}.bin`;
  writeFileSync(file, bytes);
  const scenarios: [what: string, scenario: Omit<Scenario, 'file'>][] = [
    ['a file with a Chinese name arrives', { endpoint: world.edge.url, chunk: 10_000_000 }],
    ['a file arrives in chunks with checksums', { endpoint: world.edge.url, chunk: 700_000, checksum: true }],
    ['another client continues at the offset', { endpoint: world.edge.url, chunk: 500_000, stop: 1_000_000 }],
    ['a file arrives over a bad network', { endpoint: world.cutter.url, chunk: 200_000, retries: 50 }],
  ];
  for (const [what, scenario] of scenarios)
    await results.run(`tuspy, ${name}: ${what}`, async () => {
      world.checkBytes(await upload(python, world, { ...scenario, file }), bytes);
      return undefined;
    });
}
