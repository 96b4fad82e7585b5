/** Compiles the declarations with several versions of TypeScript and with the types of a page, a worker, and Node. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { node, project } from './packed.ts';

const COMPILERS = { 'typescript-5.7': '5.7', typescript: '6.0', 'typescript-7': '7.0' };

const ENVIRONMENTS: Record<string, { lib: readonly string[]; types: readonly string[] }> = {
  'lib.dom': { lib: ['ES2022', 'DOM'], types: [] },
  '@cloudflare/workers-types': { lib: ['ES2022'], types: ['@cloudflare/workers-types'] },
  '@types/node': { lib: ['ES2022'], types: ['node'] },
};

const MODULES = { bundler: 'ESNext', nodenext: 'NodeNext' };

/** Compiles a file, use.ts by default, and every declaration to which it refers. */
function compile(compiler: string, options: object, file = 'use.ts'): { ok: boolean; output: string } {
  const name = `tsconfig.${compiler}.json`;
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  const all = { target: 'ES2022', noEmit: true, skipLibCheck: false, ...strict, ...options };
  mkdirSync(project, { recursive: true });
  writeFileSync(join(project, name), JSON.stringify({ compilerOptions: all, files: [file] }));
  return node([`node_modules/${compiler}/bin/tsc`, '-p', name]);
}

describe.each(Object.entries(COMPILERS))('%s', (compiler, version) => {
  test('the installed compiler has the expected version', () => {
    expect(node([`node_modules/${compiler}/bin/tsc`, '--version']).output).toContain(`Version ${version}.`);
  });

  describe.each(Object.entries(MODULES))('moduleResolution %s', (moduleResolution, module) => {
    test.each(Object.entries(ENVIRONMENTS))('the declarations compile with the types of %s', (_, environment) => {
      expect(compile(compiler, { ...environment, module, moduleResolution })).toEqual({ ok: true, output: '' });
    });
  });
});

/**
 * The resolution `node10` does not read `exports`. TypeScript 7 does not have it, and TypeScript 6 needs
 * `ignoreDeprecations`.
 */
const NODE10 = {
  'typescript-5.7': { moduleResolution: 'node10' },
  typescript: { moduleResolution: 'node10', ignoreDeprecations: '6.0' },
};

describe.each(Object.entries(NODE10))('%s, moduleResolution node', (compiler, options) => {
  test.each(Object.entries(ENVIRONMENTS))('the declarations compile with the types of %s', (_, environment) => {
    expect(compile(compiler, { ...environment, module: 'ESNext', ...options })).toEqual({ ok: true, output: '' });
  });
});

test('the types of Vue, which keep only the public members of a class, are accepted in place of the types of the library', () => {
  const options = { ...ENVIRONMENTS['lib.dom'], module: 'ESNext', moduleResolution: 'bundler', skipLibCheck: true };
  expect(compile('typescript', options, 'vue.ts')).toEqual({ ok: true, output: '' });
});

test.each(Object.keys(COMPILERS))('%s compiles a page with Uppy and the uploader', (compiler) => {
  // The declarations of Uppy itself need the types of Symbol.dispose.
  const lib = ['ES2022', 'DOM', 'ESNext.Disposable'];
  const options = { lib, types: [], module: 'ESNext', moduleResolution: 'bundler' };
  expect(compile(compiler, options, 'uppy.ts')).toEqual({ ok: true, output: '' });
});

test('a program without the necessary types does not compile, which shows that these checks can fail', () => {
  const { ok, output } = compile('typescript', { ...ENVIRONMENTS['@types/node'], types: [], module: 'ESNext' });
  expect(ok).toBe(false);
  expect(output).toContain('node_modules/oss-append/dist/');
});
