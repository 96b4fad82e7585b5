/** oss-append/log: logs in pages and workers, and reading an object while it grows. */

export { LogAppender } from './appender.ts';
export type { LogLoss } from './block.ts';
export { ObjectChangedError } from './changed.ts';
export type { TailClient } from './followed.ts';
export { IndexedDbJournal, type JournalPlatform, LogJournal } from './journal.ts';
export type { Flight, JournalPart, LeftBehind, Waiting } from './journal-part.ts';
export type { LogRecord } from './lines.ts';
export type { LogClient } from './log-client.ts';
export type { LogAppenderOptions } from './options.ts';
export type { Compression, DeferredRequest, LogPlatform } from './platform.ts';
export { type Recorder, type Recording, type RecordingLag, type RecordOptions, recordTo } from './record.ts';
export type { RotationState, StoredRecords } from './sender.ts';
export { type NextKey, type TailEnd, type TailOptions, tail, tailLines, tailStream } from './tail.ts';
