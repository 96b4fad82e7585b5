// `npm run api` writes oss-append.api.txt. The file has the public declarations of every entry, and all declarations to
// which they refer. It makes a change of the public surface visible in a review. A test fails while the file does not
// match the sources. The file has no comments, so that a new comment does not change it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url)).replaceAll('\\', '/');

/** The path of the committed report. */
export const FILE = fileURLToPath(new URL('oss-append.api.txt', import.meta.url));

/** Returns for each entry the name that users import and the path of its source. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([name]) => name !== './package.json')
    .map(([name, { types }]) => [
      join('oss-append', name),
      types.replace('./dist/', `${root}src/`).replace('.d.ts', '.ts'),
    ]);
}

/**
 * Returns a program that contains only the declarations of our sources. The types of the platform are not loaded, so
 * the report shows only their names.
 */
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

/**
 * Returns the declarations of a source file.
 *
 * @throws Error if the file does not parse. While an editor writes a file, it can be cut off, and the report would then
 *   lose its declarations without a warning.
 */
function declarationsOf(fileName, compilerOptions) {
  const options = { fileName, compilerOptions, reportDiagnostics: true };
  const { outputText, diagnostics } = ts.transpileDeclaration(readFileSync(fileName, 'utf8'), options);
  const [problem] = diagnostics ?? [];
  if (problem) throw new Error(`${fileName}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`);
  return outputText;
}

/** Returns the report: the exported names of each entry, and then all their declarations, sorted by name. */
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

/**
 * Returns the top-level statement of a declaration. Returns undefined for a declaration of the platform or of another
 * package.
 */
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

/** Returns the text of a statement without comments and without `export`. The report lists the exports separately. */
function print(statement) {
  const printer = ts.createPrinter({ removeComments: true, newLine: ts.NewLineKind.LineFeed });
  const text = printer.printNode(ts.EmitHint.Unspecified, statement, statement.getSourceFile());
  return `${text.replace(/^(export |declare )+/, '')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(FILE, report());
