// Proves exactly once under random faults, with the first half of the schedules. exactly-once/world.ts runs a schedule,
// and exactly-once/oracle.ts judges it.
import { HALF, proveExactlyOnce } from './suite.ts';

proveExactlyOnce({ from: 1, count: HALF });
