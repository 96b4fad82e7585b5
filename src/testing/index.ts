// Entry "./testing": an OSS and an STS in memory that tests call through their `fetch`, with faults on a schedule.

export type { BucketOptions, BucketSettings } from './buckets.ts';
export type { BucketAcl } from './call.ts';
export type { Clock } from './clock.ts';
export type { CorsRule } from './cors.ts';
export type { Fault, FaultCondition, FaultRequest, FaultSchedule, Operation, When } from './faults.ts';
export type { BucketView, LocalOssOptions, LoggedRequest, ObjectView } from './local-oss.ts';
export { LocalOss } from './local-oss.ts';
export type { LocalStsOptions, RoleOptions, StsFault } from './local-sts.ts';
export { LocalSts } from './local-sts.ts';
export type { ObjectState, ObjectType } from './objects.ts';
export type { BucketChange, ObjectChange, ObjectStore } from './store.ts';
export type { SecurityToken, TokenOptions } from './tokens.ts';
