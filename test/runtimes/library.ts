/** The whole library, as a module of its own: what happens when it is imported, and nothing else, shows here. */
export * from '../../src/index.ts';
export * as sts from '../../src/sts.ts';
export * as testing from '../../src/testing/index.ts';
export * as xhr from '../../src/xhr.ts';
