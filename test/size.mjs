// `npm run size`: what the library adds to a page or a worker, by what of it is used.
//
//   npm run size                 a table of bytes: minified, gzip (level 9), brotli
//   npm run size -- --json       { name: { min, gzip, brotli } }
//   npm run size -- --check      fails where a bundle exceeds its budget
//
// Bundled from the sources by esbuild, @noble/hashes included, as an application's bundler does it.
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const CLIENT = "region: 'cn-hangzhou', bucket: 'my-logs'";
const STS = "credentials: { accessKeyId: 'STS.a', accessKeySecret: 'b', securityToken: 'c' }";

/**
 * What is measured: a program that uses a part of the library, and its budget, bytes after gzip: what it has, and 1 %.
 * The goals of DESIGN.md, KB: index 10, append 7, signV4 4.5, crc64 1.3. Of `append`, 2.3 KB are SHA-256 (noble's, of
 * which nothing more shakes out); the signature, attempts with their time-outs, errors and a client whose methods are
 * one class take the rest. `index` is 11 KB more: the engine, its proofs and the readers of every kind of source.
 */
export const BUNDLES = {
  // Everything.
  index: { budget: 23_370, code: "export * from './src/index.ts';" },
  // One append with static STS credentials.
  append: {
    budget: 11_810,
    code: `import { OssClient } from './src/index.ts';
      const client = new OssClient({ ${CLIENT}, ${STS} });
      client.appendObject('app.log', 'one line', { position: 0 }).then(console.log);`,
  },
  // The same exactly once: with the engine.
  'append, exactly once': {
    budget: 21_880,
    code: `import { append, OssClient } from './src/index.ts';
      append(new OssClient({ ${CLIENT}, ${STS} }), 'app.log', 'one line').then(console.log);`,
  },
  // The engine where an edge worker signs.
  presigned: {
    budget: 21_880,
    code: `import { AppendableObject, OssClient } from './src/index.ts';
      const presign = async (request) => (await fetch('/sign', { method: 'POST', body: JSON.stringify(request) })).text();
      new AppendableObject(new OssClient({ ${CLIENT}, presign }), 'app.log').append('one line').then(console.log);`,
  },
  signV4: { budget: 3_910, code: "export { signV4 } from './src/index.ts';" },
  crc64: { budget: 1_331, code: "export { crc64 } from './src/index.ts';" },
  'crc64, crc64Combine': { budget: 1_560, code: "export { crc64, crc64Combine } from './src/index.ts';" },
  './xhr': { budget: 1_000, code: "export * from './src/xhr.ts';" },
  './sts': { budget: 6_730, code: "export * from './src/sts.ts';" },
  './testing': { budget: 20_000, code: "export * from './src/testing/index.ts';" },
};

/** Bundles a program: its minified text, and the modules that have code in it. */
export async function bundle(code) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    // node_modules may be a link.
    preserveSymlinks: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    metafile: true,
    write: false,
  });
  const [output] = Object.values(metafile.outputs);
  const modules = Object.entries(output.inputs).filter(
    ([name, { bytesInOutput }]) => name !== '<stdin>' && bytesInOutput,
  );
  return { text: outputFiles[0].text, modules: modules.map(([name]) => name).sort() };
}

/** Bytes of a program. */
export async function measure(code) {
  const bytes = Buffer.from((await bundle(code)).text);
  return {
    min: bytes.byteLength,
    gzip: gzipSync(bytes, { level: 9 }).byteLength,
    brotli: brotliCompressSync(bytes).byteLength,
  };
}

function printTable(sizes) {
  const row = (...cells) =>
    console.log(cells.map((cell, i) => (i ? String(cell).padStart(8) : cell.padEnd(22))).join(''));
  row('bytes', 'min', 'gzip', 'brotli', 'budget');
  for (const [name, { min, gzip, brotli }] of Object.entries(sizes)) row(name, min, gzip, brotli, BUNDLES[name].budget);
}

async function main(args) {
  const sizes = {};
  for (const [name, { code }] of Object.entries(BUNDLES)) sizes[name] = await measure(code);
  if (args.includes('--json')) console.log(JSON.stringify(sizes, null, 2));
  else printTable(sizes);
  if (!args.includes('--check')) return;
  for (const [name, { gzip }] of Object.entries(sizes)) {
    if (gzip <= BUNDLES[name].budget) continue;
    console.error(`${name} is over its budget: ${gzip} bytes after gzip, ${BUNDLES[name].budget} allowed`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
