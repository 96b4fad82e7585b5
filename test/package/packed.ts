/** Gives the checks access to the packed library that run.mjs has installed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const { OSS_APPEND_PACKAGE: folder, OSS_APPEND_TARBALL: packed } = process.env;
if (!folder || !packed) throw new Error('The projects are missing. Run `npm run test:package`, which creates them.');

export const tarball: string = packed;
/** A project with compilers and bundlers. */
export const project: string = join(folder, 'project');
/** A project with only the package. */
export const empty: string = join(folder, 'empty');
/** The folder for bundles. No package is installed in it or above it. */
export const out: string = join(folder, 'out');
/** The folder of the unpacked package. */
export const library: string = join(empty, 'node_modules/oss-append');

/** The paths of all files in the package, with forward slashes. */
export const files: readonly string[] = readdirSync(library, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) =>
    join(parentPath, name)
      .slice(library.length + 1)
      .replaceAll('\\', '/'),
  )
  .sort();

export const read = (file: string): string => readFileSync(join(library, file), 'utf8');

/** Runs a script of a project with Node. Returns its output, also when it fails. */
export function node(args: readonly string[], cwd: string = project): { ok: boolean; output: string } {
  try {
    return { ok: true, output: execFileSync(process.execPath, args, { cwd, encoding: 'utf8', stdio: 'pipe' }) };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { ok: false, output: stdout + stderr };
  }
}
