// Adds the optional packages of other operating systems to package-lock.json. Run `node .ci/complete-lock.mjs` after
// `npm install`. An argument names another project in this repository: `node .ci/complete-lock.mjs test/runtimes`.
//
// Rollup, Biome and others publish one native package for each operating system. When a registry does not have one of
// them in the wanted version, `npm install` leaves it out of the lock file. Then `npm ci` refuses the lock file on
// every machine. `npm ci` only needs an entry with name, version and system. The new entries have no integrity value,
// because the registry did not supply one. On such a system, npm installs the package that its registry publishes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';

// The name of a native package ends with its system in the words of Node, for example "@rollup/rollup-linux-x64-musl"
// or "lightningcss-darwin-arm64".
const SYSTEM =
  /[-/](?<os>aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(?<cpu>arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64)(?:-(?<abi>[a-z]+))?$/;

/** Returns the system of a package. "…-linux-x64-musl" gives { os: ['linux'], cpu: ['x64'], libc: ['musl'] }. */
function systemOf(name) {
  const groups = SYSTEM.exec(name)?.groups;
  if (!groups)
    throw new Error(`The name "${name}" ends with no known system. Add its form to SYSTEM in ${import.meta.url}`);
  const libc = groups.os === 'linux' ? [groups.abi?.startsWith('musl') ? 'musl' : 'glibc'] : undefined;
  return { os: [groups.os], cpu: [groups.cpu], ...(libc && { libc }) };
}

/** Yields the paths at which npm looks for a dependency of the package at `path`, beginning with the nearest. */
function* placesOf(path, name) {
  for (let at = path; at; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/'))))
    yield `${at}/node_modules/${name}`;
  yield `node_modules/${name}`;
}

function missingFrom(packages) {
  const missing = {};
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages))
    for (const [name, version] of Object.entries(optionalDependencies))
      if (![...placesOf(path, name)].some((place) => place in packages))
        missing[`node_modules/${name}`] = { version, ...systemOf(name), ...(dev && { dev }), optional: true };
  return missing;
}

const file = join(root, process.argv[2] ?? '', 'package-lock.json');
const lock = JSON.parse(readFileSync(file, 'utf8'));
const missing = missingFrom(lock.packages);
for (const [path, { version }] of Object.entries(missing))
  if (!/^\d+\.\d+\.\d+/.test(version))
    throw new Error(`Cannot add ${path} to the lock file: "${version}" is a range and not a version`);
for (const [path, { resolved, link }] of Object.entries(lock.packages))
  if (resolved && !link && !resolved.startsWith('https://registry.npmjs.org/'))
    throw new Error(
      `The lock file refers to another registry for ${path}. Set omit-lockfile-registry-resolved in npm and try again.`,
    );

// npm sorts the entries by path. The entry of the project itself ("") comes first.
const byPath = ([a], [b]) => a.localeCompare(b, 'en');
lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(byPath));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${Object.keys(missing).length} entries added`);
