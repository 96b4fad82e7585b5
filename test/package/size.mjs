// `npm run size` measures how many bytes each part of the library adds to a page or a worker.
//
//   npm run size                 prints a table of bytes: minified, gzip (level 9), brotli
//   npm run size -- --json       prints { name: { min, gzip, brotli } }
//   npm run size -- --check      fails when a bundle exceeds its budget
//
// Like the bundler of an application, esbuild bundles the sources together with @noble/hashes.
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

const CLIENT = "region: 'cn-hangzhou', bucket: 'my-logs'";
const STS = "credentials: { accessKeyId: 'STS.a', accessKeySecret: 'b', securityToken: 'c' }";

/**
 * The measured programs by name. Each one uses a part of the library and has a budget in bytes after gzip. With `over`,
 * the budget is for the bytes that the program adds to the program of that name. A budget is a measured size plus a small
 * reserve. `append` contains 2.3 KB of SHA-256 from noble, which cannot be made smaller.
 * Its other bytes are the signature, the attempts with their time-outs, the errors, and the client. The client is one
 * class, so a bundler keeps all of its methods. `index` adds about 13 KB: the engine, the reconciliation, and the
 * readers for every kind of source.
 */
export const BUNDLES = {
  // All exports of the main entry.
  index: { budget: 28_550, code: "export * from './src/index.ts';" },
  // One append with static STS credentials.
  append: {
    budget: 13_480,
    code: `import { OssClient } from './src/index.ts';
      const client = new OssClient({ ${CLIENT}, ${STS} });
      client.appendObject('app.log', 'one line', { position: 0 }).then(console.log);`,
  },
  // The same append with the engine, so that it is stored exactly once.
  'append, exactly once': {
    budget: 26_550,
    code: `import { append, OssClient } from './src/index.ts';
      append(new OssClient({ ${CLIENT}, ${STS} }), 'app.log', 'one line').then(console.log);`,
  },
  // The engine with presigned URLs, which an edge worker signs.
  presigned: {
    budget: 20_940,
    code: `import { AppendableObject, PresignedClient } from './src/index.ts';
      const presign = async (request) => (await fetch('/sign', { method: 'POST', body: JSON.stringify(request) })).text();
      new AppendableObject(new PresignedClient({ presign }), 'app.log').append('one line').then(console.log);`,
  },
  signV4: { budget: 3_910, code: "export { signV4 } from './src/index.ts';" },
  crc64: { budget: 1_331, code: "export { crc64 } from './src/index.ts';" },
  'crc64, crc64Combine': { budget: 1_560, code: "export { crc64, crc64Combine } from './src/index.ts';" },
  './xhr': { budget: 1_000, code: "export * from './src/xhr.ts';" },
  './sts': { budget: 8_000, code: "export * from './src/sts.ts';" },
  // The doctor, without the client that it examines (`append`): 3 KB.
  './doctor': {
    budget: 3_210,
    over: 'append',
    code: `import { OssClient } from './src/index.ts';
      import { diagnose } from './src/doctor/index.ts';
      diagnose(new OssClient({ ${CLIENT}, ${STS} }), 'app.log').then(console.log);`,
  },
  './edge': { budget: 34_800, code: "export { createEdge } from './src/edge/index.ts';" },
  './edge, in a page': { budget: 1_950, code: "export { PageGrants } from './src/edge/index.ts';" },
  // The engine and a log, which adds 5 KB to the engine.
  './log': {
    budget: 32_100,
    code: `import { LogAppender } from './src/log/index.ts';
      new LogAppender({ ${CLIENT}, ${STS} }, 'app.log').write('one line');`,
  },
  // Following an object, with a client.
  './log: tail': {
    budget: 17_500,
    code: `import { OssClient } from './src/index.ts';
      import { tailLines } from './src/log/index.ts';
      tailLines(new OssClient({ ${CLIENT}, ${STS} }), 'app.log').next().then(console.log);`,
  },
  // A recording, with the engine.
  './log: recordTo': {
    budget: 28_890,
    code: `import { AppendableObject, OssClient } from './src/index.ts';
      import { recordTo } from './src/log/index.ts';
      recordTo(new AppendableObject(new OssClient({ ${CLIENT}, ${STS} }), 'a.webm'), recorder).then(console.log);`,
  },
  // The uploader and the engine, without Uppy itself, which the page has already.
  './uppy': {
    budget: 30_000,
    code: `import { OssClient } from './src/index.ts';
      import { OssAppend } from './src/uppy/index.ts';
      uppy.use(OssAppend, { client: new OssClient({ ${CLIENT}, ${STS} }), key: ({ name }) => name });`,
  },
  './testing': { budget: 26_300, code: "export * from './src/testing/index.ts';" },
  // It runs in Node only, and contains "./testing".
  './testing/node': { budget: 40_000, code: "export * from './src/testing/node/index.ts';" },
};

/** Bundles a program. Returns the minified text and the paths of the modules whose code is in it. */
export async function bundle(code) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    external: ['node:*', '@uppy/core'],
    // The folder node_modules may be a symbolic link. The paths of its modules must still begin with "node_modules".
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

/** Bundles a program and returns its size in bytes. */
export async function measure(code) {
  const bytes = Buffer.from((await bundle(code)).text);
  return {
    min: bytes.byteLength,
    gzip: gzipSync(bytes, { level: 9 }).byteLength,
    brotli: brotliCompressSync(bytes).byteLength,
  };
}

/** Measures all programs. Returns their sizes by name. A program with `over` has the size that it adds. */
export async function measureAll() {
  const sizes = {};
  for (const [name, { code }] of Object.entries(BUNDLES)) sizes[name] = await measure(code);
  const added = Object.entries(BUNDLES).filter(([, { over }]) => over);
  for (const [name, { over }] of added)
    for (const unit of Object.keys(sizes[name])) sizes[name][unit] -= sizes[over][unit];
  return sizes;
}

function printTable(sizes) {
  const row = (...cells) =>
    console.log(cells.map((cell, i) => (i ? String(cell).padStart(8) : cell.padEnd(22))).join(''));
  row('bytes', 'min', 'gzip', 'brotli', 'budget');
  for (const [name, { min, gzip, brotli }] of Object.entries(sizes)) row(name, min, gzip, brotli, BUNDLES[name].budget);
}

async function main(args) {
  const sizes = await measureAll();
  if (args.includes('--json')) console.log(JSON.stringify(sizes, null, 2));
  else printTable(sizes);
  if (!args.includes('--check')) return;
  for (const [name, { gzip }] of Object.entries(sizes)) {
    if (gzip <= BUNDLES[name].budget) continue;
    const { budget } = BUNDLES[name];
    console.error(`${name} is larger than its budget: it has ${gzip} bytes after gzip, and ${budget} are allowed`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
