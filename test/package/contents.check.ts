/** Checks the files of the tarball, and checks it with a package manager, with linters and with source maps. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { empty, files, library, node, project, read, tarball } from './packed.ts';

const MAIN = 'dist/oss-append.min.js';
const manifest = JSON.parse(read('package.json'));

describe('contents', () => {
  test('the tarball contains the compiled files, their sources and the documents, and no other file', () => {
    const wanted =
      /^(package\.json|(README(\.zh-CN)?|CHANGELOG|SECURITY)\.md|LICENSE|llms\.txt|docs\/([\w-]+\/)*[\w-]+\.(md|svg)|src\/[\w/-]+\.ts|dist\/[\w/-]+(\.min)?(\.js|\.d\.ts)(\.map)?)$/;
    expect(files.filter((file) => !wanted.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', MAIN, `${MAIN}.map`]));
  });

  test('every link of the documents leads to a file in the package, or to one of the files that only the repository has', () => {
    const documents = files.filter((file) => /^(README|SECURITY|docs\/(?!api\/)).*\.md$|^llms\.txt$/.test(file));
    const links = documents.flatMap((file) =>
      [
        ...read(file)
          .replace(/^```.*?^```/gms, '')
          .matchAll(/\]\(([^)\s#]+)[^)\s]*\)|(?:src|srcset)="([^"]+)"/g),
      ]
        .map(([, link, image]) => link ?? image ?? '')
        .filter((target) => !/^https?:/.test(target))
        .map((target) => posix.join(posix.dirname(file), target)),
    );
    expect(links).toContain('docs/start.md');
    const outside = [...new Set(links.filter((target) => !files.includes(target)))];
    expect(
      outside.filter(
        (target) => !/^(CONTRIBUTING|demo\/examples\/README(\.zh-CN)?)\.md$|^demo\/[\w-]+\.webp$/.test(target),
      ),
    ).toEqual([]);
  });

  test('every source has a compiled file, declarations and maps', () => {
    const sources = files.filter((file) => file.startsWith('src/')).map((file) => file.slice(4, -3));
    expect(sources).toContain('append/object');
    for (const source of sources)
      for (const suffix of ['.js', '.js.map', '.d.ts', '.d.ts.map']) expect(files).toContain(`dist/${source}${suffix}`);
  });

  test('every target of "exports" in package.json exists', () => {
    const targets = Object.values<string | Record<string, string>>(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    expect(targets.length).toBeGreaterThan(8);
    for (const target of targets) expect(files).toContain(target.slice(2));
  });

  test('package.json tells content delivery networks to serve the single file', () => {
    expect([manifest.unpkg, manifest.jsdelivr]).toEqual([`./${MAIN}`, `./${MAIN}`]);
  });

  test('an installation adds only the package and its one dependency', () => {
    const scopes = readdirSync(`${empty}/node_modules`).filter((name) => !name.startsWith('.'));
    expect(scopes).toEqual(['@noble', 'oss-append']);
    expect(readdirSync(`${empty}/node_modules/@noble`)).toEqual(['hashes']);
  });

  test('Node imports every entry, and refuses to import a file that is not public', () => {
    // The uploader needs @uppy/core, which is not installed here.
    const entries = Object.keys(manifest.exports).filter((name) => !['./package.json', './uppy'].includes(name));
    const specifiers = entries.map((name) => posix.join('oss-append', name));
    const imports = specifiers.map((name) => `await import('${name}');`).join('');
    expect(node(['--input-type=module', '-e', imports], empty)).toEqual({ ok: true, output: '' });
    const { output } = node(
      ['--input-type=module', '-e', "await import('oss-append/dist/request/transport.js')"],
      empty,
    );
    expect(output).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
    const uploader = node(['--input-type=module', '-e', "await import('oss-append/uppy')"], empty);
    expect(uploader.output).toContain("Cannot find package '@uppy/core'");
  });
});

describe('the command oss-append-local', () => {
  const command = `${empty}/node_modules/.bin/oss-append-local`;

  test('npx finds it in the package, and it names the version of the package', () => {
    const options = { cwd: empty, encoding: 'utf8', shell: process.platform === 'win32' } as const;
    const { status, stdout } = spawnSync('npx', ['--no-install', 'oss-append-local', '--version'], options);
    expect([status, stdout.trim()]).toEqual([0, manifest.version]);
  });

  test('it serves an OSS from a folder with only the package, until it is asked to end', async () => {
    const child = spawn(command, ['--bucket', 'logs', '--port', '0', '--data', 'data'], { cwd: empty });
    try {
      const [text] = await once(child.stdout, 'data');
      const endpoint = /OSS_ENDPOINT=(\S+)/.exec(String(text))?.[1];
      expect(await (await fetch(`${endpoint}/_local/health`)).json()).toEqual({ status: 'ok', buckets: ['logs'] });
    } finally {
      child.kill('SIGTERM');
    }
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

describe('linters of packages', () => {
  test('publint finds no problem', () => {
    const { ok, output } = node(['node_modules/publint/src/cli.js', 'run', tarball, '--strict']);
    expect(output).toContain('All good!');
    expect(ok).toBe(true);
  });

  test('"are the types wrong" finds no problem in the modes that support ESM', () => {
    const args = ['node_modules/@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only', '--no-color'];
    const { ok, output } = node([...args, '--format', 'ascii']);
    expect(ok, output).toBe(true);
    expect(output).toContain('"oss-append/xhr"');
  });
});

describe('source maps', () => {
  const maps = files.filter((file) => file.endsWith('.map'));
  interface Map {
    readonly sources: readonly string[];
    readonly sourcesContent?: readonly (string | null)[];
  }

  test.each(maps)('%s refers only to sources in the package', (file) => {
    const { sources, sourcesContent }: Map = JSON.parse(read(file));
    const paths = sources.map((source) => posix.join(posix.dirname(file), source));
    const lost = paths.filter((path, i) => !files.includes(path) && !sourcesContent?.[i]);
    expect(lost).toEqual([]);
    // Only the sources of @noble/hashes are embedded in the map, because they belong to another package.
    const foreign = paths.filter((path) => !files.includes(path));
    expect(foreign.filter((path) => file !== `${MAIN}.map` || !path.includes('/@noble/hashes/'))).toEqual([]);
  });

  test.each([MAIN, 'dist/request/signature.js'])('the map of %s finds the source line of a string', (file) => {
    const lines = read(file).split('\n');
    const literal = /["'`]OSS4-HMAC-SHA256/;
    const line = lines.findIndex((text) => literal.test(text));
    const column = lines[line]!.search(literal);
    const entry = new SourceMap(JSON.parse(read(`${file}.map`))).findEntry(line, column);
    if (!('originalLine' in entry)) throw new Error(`the map of ${file} has no entry for ${line}:${column}`);
    const source = posix.join(posix.dirname(file), entry.originalSource);
    expect(source).toBe('src/request/signature.ts');
    expect(read(source).split('\n')[entry.originalLine]).toMatch(literal);
  });

  test('every compiled file refers to its map', () => {
    for (const file of maps)
      expect(read(file.slice(0, -4))).toMatch(new RegExp(`sourceMappingURL=${posix.basename(file)}\\s*$`));
  });
});

test('the declarations contain a documentation comment for every public name', () => {
  const script = `
    import ts from 'typescript';
    const entries = ${JSON.stringify(['index', 'sts', 'doctor/index', 'edge/index', 'log/index', 'testing/index', 'testing/node/index', 'uppy/index', 'xhr'])}.map((entry) => '${library.replaceAll('\\', '/')}/dist/' + entry + '.d.ts');
    const program = ts.createProgram(entries, { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext });
    const checker = program.getTypeChecker();
    const exports = entries.flatMap((entry) => checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry))));
    const real = exports.map((symbol) => symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    const bare = real.filter((symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).length < 10);
    console.log(JSON.stringify({ count: real.length, bare: bare.map(({ name }) => name) }));`;
  const { output } = node(['--input-type=module', '-e', script], project);
  const { count, bare } = JSON.parse(output);
  expect(count).toBeGreaterThan(40);
  expect(bare).toEqual([]);
});
