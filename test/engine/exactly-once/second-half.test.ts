// Runs the second half of the schedules, in a thread of its own.
import { HALF, proveExactlyOnce, proveOnOwnClasses } from './suite.ts';

proveExactlyOnce({ from: HALF + 1, count: HALF });
proveOnOwnClasses({ from: 20_001, count: 300 });
