// `npm run api`: writes the public declarations of every entry, and all that they lead to, into oss-append.api.txt. A change of the
// surface shows there, in review; a test fails while that file is not what the sources say. Without comments: these may change.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url)).replaceAll('\\', '/');

/** The committed report. */
export const FILE = fileURLToPath(new URL('oss-append.api.txt', import.meta.url));

/** The entries: name for importers, and source. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([name]) => name !== './package.json')
    .map(([name, { types }]) => [
      join('oss-append', name),
      types.replace('./dist/', `${root}src/`).replace('.d.ts', '.ts'),
    ]);
}

/** A program of the sources' declarations, and of nothing else: the platform's types stay names. */
function declarationProgram() {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const options = { ...compilerOptions, moduleResolution: ts.ModuleResolutionKind.Bundler, noLib: true, types: [] };
  const host = ts.createCompilerHost(options);
  host.fileExists = (name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && ts.sys.fileExists(name);
  host.getSourceFile = (fileName, ...rest) =>
    ts.createSourceFile(fileName, declarationsOf(fileName, compilerOptions), ...rest);
  return ts.createProgram(
    entries().map(([, path]) => path),
    { ...options, allowImportingTsExtensions: true, noEmit: true },
    host,
  );
}

/** @throws Error for a source that does not parse: one that is being written looks as if its surface were gone. */
function declarationsOf(fileName, compilerOptions) {
  const options = { fileName, compilerOptions, reportDiagnostics: true };
  const { outputText, diagnostics } = ts.transpileDeclaration(readFileSync(fileName, 'utf8'), options);
  const [problem] = diagnostics ?? [];
  if (problem) throw new Error(`${fileName}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`);
  return outputText;
}

/** The report: each entry's names, then every declaration that they lead to, by name. */
export function report() {
  const program = declarationProgram();
  const checker = program.getTypeChecker();
  const resolve = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
  const found = new Set();
  const visit = (symbol) => {
    for (const declaration of resolve(symbol).declarations ?? []) {
      const statement = statementOf(declaration);
      if (!statement || found.has(statement)) continue;
      found.add(statement);
      forEachIdentifier(statement, (name) => {
        const used = checker.getSymbolAtLocation(name);
        if (used) visit(used);
      });
    }
  };
  const lists = entries().map(([name, path]) => {
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)));
    for (const symbol of exported) visit(symbol);
    const names = exported.map((symbol) => symbol.name).sort();
    return `${name}\n  ${names.join('\n  ')}\n`;
  });
  const declarations = [...found].map((statement) => [nameOf(statement), print(statement)].join('\0')).sort();
  return [...lists, ...declarations.map((text) => text.slice(text.indexOf('\0') + 1))].join('\n');
}

/** The top-level statement of a declaration of ours; none for those of the platform and of other packages. */
function statementOf(declaration) {
  let node = declaration;
  while (node.parent && !ts.isSourceFile(node.parent)) node = node.parent;
  return node.parent?.fileName.startsWith(`${root}src/`) && !ts.isImportDeclaration(node) ? node : undefined;
}

function forEachIdentifier(node, act) {
  if (ts.isIdentifier(node)) act(node);
  ts.forEachChild(node, (child) => forEachIdentifier(child, act));
}

function nameOf(statement) {
  return (statement.name ?? statement.declarationList.declarations[0].name).text;
}

/** Without comments, and without `export`: what an entry exports is listed. */
function print(statement) {
  const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });
  const text = printer.printNode(ts.EmitHint.Unspecified, statement, statement.getSourceFile());
  return `${text.replace(/^(export |declare )+/, '')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, report());
