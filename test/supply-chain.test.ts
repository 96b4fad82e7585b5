/** What an installation of this package brings along, and who may publish it: facts of package.json, lock and workflows. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly publishConfig: object;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface LockedPackage {
  readonly version: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly dependencies?: object;
  readonly hasInstallScript?: boolean;
}

const manifest: Manifest = JSON.parse(read('package.json'));
const lock: { packages: Record<string, LockedPackage> } = JSON.parse(read('package-lock.json'));
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

describe('what users install', () => {
  test('one dependency, of one exact version, which has none itself', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['@noble/hashes']);
    const shipped = packages.filter(([, { dev }]) => !dev);
    expect(shipped.map(([path]) => path)).toEqual(['node_modules/@noble/hashes']);
    const { version, integrity, dependencies } = shipped[0]![1];
    expect(manifest.dependencies).toEqual({ '@noble/hashes': version });
    expect(integrity).toMatch(/^sha512-/);
    expect(dependencies).toBeUndefined();
  });

  test('no script runs at an installation, ours or that of the dependency', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare', 'prepublish'];
    expect(hooks.filter((hook) => hook in manifest.scripts)).toEqual([]);
    expect(packages.filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev)).toEqual([]);
    // As data, too: node-gyp runs by itself where there is a binding.gyp; npm marks that in the lock.
    expect(lock.packages['']!.hasInstallScript).toBeUndefined();
  });

  test('no kind of dependency that npm would install unasked', () => {
    const kinds = ['peerDependencies', 'optionalDependencies', 'bundleDependencies', 'bundledDependencies'];
    expect(kinds.filter((kind) => kind in manifest)).toEqual([]);
  });
});

describe('what we build with', () => {
  test('exact versions, and the lock has them', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
      expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
    }
  });

  test.each(['package-lock.json', 'test/package/project/package-lock.json'])(
    '%s names no registry but npm’s',
    (path) => {
      const { packages }: typeof lock = JSON.parse(read(path));
      const from = Object.values(packages).flatMap(({ resolved }) => resolved ?? []);
      expect(from.filter((url) => !url.startsWith('https://registry.npmjs.org/'))).toEqual([]);
    },
  );
});

describe('workflows', () => {
  const ci = read('.github/workflows/ci.yml');
  const release = read('.github/workflows/release.yml');

  test('each may read the contents and no more, save the job that publishes', () => {
    for (const workflow of [ci, release]) expect(workflow).toMatch(/^permissions:\n {2}contents: read\n\n/m);
    const grants = [ci, release].join('').match(/^ +[\w-]+: write$/gm);
    expect(grants).toEqual(['      id-token: write']);
    expect(release.indexOf('id-token: write')).toBeGreaterThan(release.indexOf('  publish:'));
  });

  test('no secret is used, and no token is left in a checkout', () => {
    const all = ci + release;
    expect(all).not.toMatch(/secrets\.|NODE_AUTH_TOKEN|pull_request_target/);
    expect(all.match(/actions\/checkout@/g)).toHaveLength(all.match(/persist-credentials: false/g)!.length);
  });

  test('only GitHub’s own actions, of a fixed commit', () => {
    const used = [...(ci + release).matchAll(/uses: (.+)/g)].map(([, action]) => action!);
    const known = /^actions\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$|^\.\/\.github\/workflows\/ci\.yml$/;
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((action) => !known.test(action))).toEqual([]);
  });

  test('what ships is looked up among known vulnerabilities, on every push and before a release', () => {
    expect(ci).toMatch(/^ +- run: npm audit --omit=dev$/m);
    expect(ci).toMatch(/^ {2}workflow_call:$/m);
    expect(ci + release).not.toContain('continue-on-error');
  });

  test('a push runs .ci/run; a tag publishes what passed it, with provenance', () => {
    expect(ci).toMatch(/^ +- run: \.ci\/run$/m);
    expect(ci).toMatch(/^ {2}pull_request:$/m);
    expect(release).toMatch(/^ {4}uses: \.\/\.github\/workflows\/ci\.yml$/m);
    expect(release).toMatch(/^ {4}needs: test$/m);
    expect(release).toMatch(/^ +- run: npm publish --provenance --access public$/m);
    // From a machine that cannot give any, too: npm refuses.
    expect(manifest.publishConfig).toEqual({ access: 'public', provenance: true });
  });
});
