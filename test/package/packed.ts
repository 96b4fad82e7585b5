/** The packed library, as run.mjs has installed it. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { OSS_APPEND_PACKAGE: folder, OSS_APPEND_TARBALL: packed } = process.env;
if (!folder || !packed) throw new Error('The projects are made by `npm run test:package`: run that');

export const tarball: string = packed;
/** An application, with tools. */
export const project: string = join(folder, 'project');
/** A project with nothing but the package. */
export const empty: string = join(folder, 'empty');
/** For what is built: nothing is installed in or above it. */
export const out: string = join(folder, 'out');
/** The package, unpacked. */
export const library: string = join(empty, 'node_modules/oss-append');

/** Paths within the package, with slashes. */
export const files: readonly string[] = readdirSync(library, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) =>
    join(parentPath, name)
      .slice(library.length + 1)
      .replaceAll('\\', '/'),
  )
  .sort();

export const read = (file: string): string => readFileSync(join(library, file), 'utf8');

/** Runs a script of a project with Node; its output, of failures too. */
export function node(args: readonly string[], cwd: string = project): { ok: boolean; output: string } {
  try {
    return { ok: true, output: execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: 'pipe' }) };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { ok: false, output: stdout + stderr };
  }
}
