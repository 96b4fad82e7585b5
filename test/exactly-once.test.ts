// Exactly once, under random faults: the first half of the schedules. How it works: exactly-once/world.ts runs a schedule,
// exactly-once/oracle.ts judges it.
import { proveExactlyOnce } from './exactly-once/suite.ts';

proveExactlyOnce({ from: 1, count: 10_000 });
