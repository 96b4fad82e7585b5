/** Checks in package.json, the lock file and the workflows what an installation contains and who can publish it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly publishConfig: object;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: object;
  readonly peerDependenciesMeta: object;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface LockedPackage {
  readonly version: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly dependencies?: object;
  readonly hasInstallScript?: boolean;
}

const manifest: Manifest = JSON.parse(read('package.json'));
const lock: { packages: Record<string, LockedPackage> } = JSON.parse(read('package-lock.json'));
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

describe('what users install', () => {
  test('the package has one dependency in one exact version, and this dependency has none itself', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['@noble/hashes']);
    const shipped = packages.filter(([, { dev }]) => !dev);
    expect(shipped.map(([path]) => path)).toEqual(['node_modules/@noble/hashes']);
    const { version, integrity, dependencies } = shipped[0]![1];
    expect(manifest.dependencies).toEqual({ '@noble/hashes': version });
    expect(integrity).toMatch(/^sha512-/);
    expect(dependencies).toBeUndefined();
  });

  test('an installation runs no script of the package or of its dependency', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare', 'prepublish'];
    expect(hooks.filter((hook) => hook in manifest.scripts)).toEqual([]);
    expect(packages.filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev)).toEqual([]);
    // npm also runs node-gyp when a package has a file binding.gyp, even without a script. The lock file marks such a
    // package.
    expect(lock.packages['']!.hasInstallScript).toBeUndefined();
  });

  test('the package has no other kind of dependency that npm installs by itself', () => {
    const kinds = ['optionalDependencies', 'bundleDependencies', 'bundledDependencies'];
    expect(kinds.filter((kind) => kind in manifest)).toEqual([]);
  });

  test('npm does not install Uppy, which is an optional peer of the uploader', () => {
    expect(manifest.peerDependencies).toEqual({ '@uppy/core': '^6.0.0' });
    expect(manifest.peerDependenciesMeta).toEqual({ '@uppy/core': { optional: true } });
    expect(lock.packages['node_modules/@uppy/core']?.dev).toBe(true);
  });
});

describe('the tools for building', () => {
  test('every tool has an exact version, and the lock file has the same version', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      // A tool may have another name here than in the registry: "npm:typescript@7.0.2".
      const exact = version.replace(/^npm:.+@/, '');
      expect(exact, name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(exact);
    }
  });

  const LOCKS = ['', 'demo/examples/', 'demo/worker/', 'test/package/project/', 'test/peers/', 'test/runtimes/'].map(
    (folder) => `${folder}package-lock.json`,
  );

  test('every lock file of the repository is in the list above', () => {
    const found = execFileSync('git', ['ls-files', '*package-lock.json'], { cwd: root, encoding: 'utf8' });
    expect(found.trim().split('\n').sort()).toEqual([...LOCKS].sort());
  });

  test.each(LOCKS)('%s refers to no registry except the one of npm', (path) => {
    const { packages }: typeof lock = JSON.parse(read(path));
    // A link leads to the library in this repository.
    const from = Object.values(packages).flatMap(({ resolved, link }) => (link ? [] : (resolved ?? [])));
    expect(from.filter((url) => !url.startsWith('https://registry.npmjs.org/'))).toEqual([]);
  });

  test('no file of the demo uses a file or a package of the tests', () => {
    const files = execFileSync('git', ['ls-files', 'demo'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
    const sources = files.filter((file) => /\.(ts|mjs|html)$/.test(file));
    expect(sources.length).toBeGreaterThan(15);
    expect(sources.filter((file) => /['"`/]test\//.test(read(file)))).toEqual([]);
  });

  test('the demo runs the Worker in the same version of workerd as the tests', () => {
    const versionIn = (folder: string) => JSON.parse(read(`${folder}/package.json`)).optionalDependencies.workerd;
    expect(versionIn('demo/worker')).toMatch(/^\d+\.\d+\.\d+$/);
    expect(versionIn('demo/worker')).toBe(versionIn('test/runtimes/'));
  });
});

describe('workflows', () => {
  const ci = read('.github/workflows/ci.yml');
  const release = read('.github/workflows/release.yml');

  test('every workflow can only read the contents, except for the job that publishes', () => {
    for (const workflow of [ci, release]) expect(workflow).toMatch(/^permissions:\n {2}contents: read\n\n/m);
    const grants = [ci, release].join('').match(/^ +[\w-]+: write$/gm);
    expect(grants).toEqual(['      id-token: write']);
    expect(release.indexOf('id-token: write')).toBeGreaterThan(release.indexOf('  publish:'));
  });

  test('the workflows use no secret and leave no token in a checkout', () => {
    const all = ci + release;
    expect(all).not.toMatch(/secrets\.|NODE_AUTH_TOKEN|pull_request_target/);
    expect(all.match(/actions\/checkout@/g)).toHaveLength(all.match(/persist-credentials: false/g)!.length);
  });

  test('the workflows use only actions of GitHub itself, each pinned to a commit', () => {
    const used = [...(ci + release).matchAll(/uses: (.+)/g)].map(([, action]) => action!);
    const known = /^actions\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$|^\.\/\.github\/workflows\/ci\.yml$/;
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((action) => !known.test(action))).toEqual([]);
  });

  test('npm audit checks the shipped dependency on every push and before a release', () => {
    expect(ci).toMatch(/^ +- run: npm audit --omit=dev$/m);
    expect(ci).toMatch(/^ {2}workflow_call:$/m);
    expect(ci + release).not.toContain('continue-on-error');
  });

  test('a push runs .ci/run, and a tag publishes with provenance after .ci/run has passed', () => {
    expect(ci).toMatch(/^ +- run: \.ci\/run$/m);
    expect(ci).toMatch(/^ {2}pull_request:$/m);
    expect(release).toMatch(/^ {4}uses: \.\/\.github\/workflows\/ci\.yml$/m);
    expect(release).toMatch(/^ {4}needs: test$/m);
    expect(release).toMatch(/^ +- run: npm publish --provenance --access public$/m);
    // Without this script, `npm pack` and `npm publish` in a fresh clone would send a package without dist.
    expect(manifest.scripts['prepack']).toBe('npm run --silent build');
    // With these settings npm also refuses to publish from a machine that cannot create provenance.
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
  });
});
