// The other half, in a process of its own.
import { proveExactlyOnce } from './suite.ts';

proveExactlyOnce({ from: 10_001, count: 10_000 });
