// Runs the second half of the schedules, in a thread of its own.
import { proveExactlyOnce, proveOnOwnClasses } from './suite.ts';

proveExactlyOnce({ from: 10_001, count: 10_000 });
proveOnOwnClasses({ from: 20_001, count: 300 });
