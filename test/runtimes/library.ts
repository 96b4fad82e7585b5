/** Exports the whole library as a separate module, so that the side effects of its import can be watched. */
export * as doctor from '../../src/doctor/index.ts';
export * from '../../src/index.ts';
export * as sts from '../../src/sts.ts';
export * as testing from '../../src/testing/index.ts';
export * as xhr from '../../src/xhr.ts';
