/** oss-append/log: logs in pages and workers, and reading an object while it grows. */

export { LogAppender, type LogAppenderOptions, type StoredRecords } from './appender.ts';
export type { LogLoss } from './block.ts';
export type { LogRecord } from './lines.ts';
