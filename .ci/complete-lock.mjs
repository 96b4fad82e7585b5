// Completes package-lock.json with the optional packages of other systems: `node .ci/complete-lock.mjs` after `npm install`.
// A folder as argument (`node .ci/complete-lock.mjs test/runtimes`) names another project of this repository.
//
// Rollup, Biome and others ship one native package for each system. Where a registry does not carry one of them in the
// wanted version, `npm install` leaves it out of the lock, and `npm ci` then refuses the lock on every machine. An entry of
// name, version and system is all that `npm ci` asks for. The entries added here bear no integrity: the registry at hand
// had none to give. An install on such a system takes what its registry publishes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';

// A package's name ends in its system as Node calls it: "@rollup/rollup-linux-x64-musl", "lightningcss-darwin-arm64".
const SYSTEM =
  /[-/](?<os>aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)-(?<cpu>arm64|arm|ia32|loong64|ppc64|riscv64|s390x|x64)(?:-(?<abi>[a-z]+))?$/;

/** "…-linux-x64-musl" → { os: ['linux'], cpu: ['x64'], libc: ['musl'] }. */
function systemOf(name) {
  const groups = SYSTEM.exec(name)?.groups;
  if (!groups) throw new Error(`Cannot tell the system of "${name}" from its name: add its form to ${import.meta.url}`);
  const libc = groups.os === 'linux' ? [groups.abi?.startsWith('musl') ? 'musl' : 'glibc'] : undefined;
  return { os: [groups.os], cpu: [groups.cpu], ...(libc && { libc }) };
}

/** The places where npm looks for a dependency of the package at `path`, the nearest first. */
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
  if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`Cannot add ${path}: "${version}" is a range, not a version`);
for (const [path, { resolved }] of Object.entries(lock.packages))
  if (resolved && !resolved.startsWith('https://registry.npmjs.org/'))
    throw new Error(
      `Cannot publish the lock: ${path} comes from a registry of this machine. Set omit-lockfile-registry-resolved.`,
    );

// npm keeps the entries sorted by path, the project itself ("") first.
const byPath = ([a], [b]) => a.localeCompare(b, 'en');
lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...missing }).sort(byPath));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${Object.keys(missing).length} entries added`);
