/** The whole library, as a module of its own: what happens when it is imported, and nothing else, shows here. */
export * from '../../src/index.ts';
