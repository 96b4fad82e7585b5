/** Entry "./doctor": finds out why requests from this page or worker fail, and says how to solve the problem. */

export type { BucketRule } from './bucket-rule.ts';
export { type Diagnosis, diagnose } from './diagnose.ts';
export type { Facts, Finding, FindingCode } from './findings.ts';
export type { DoctorOptions } from './options.ts';
