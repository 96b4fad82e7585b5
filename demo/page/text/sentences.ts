/** Says in a sentence what happened, and why something failed. */
import {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  ServiceError,
  SourceError,
  TransportError,
} from '../../../src/index.ts';
import type { Event } from '../transfer/transfer.ts';
import type { TextKey } from './en.ts';
import { bytes, duration, exact } from './numbers.ts';
import { t, type Values } from './text.ts';

type What = Event['what'];

/** Returns the sentence for an event. */
export function sentence(what: What): string {
  return t(KEYS[what.kind], valuesOf(what));
}

const KEYS: Readonly<Record<What['kind'], TextKey>> = {
  began: 'eventBegan',
  'went-on': 'eventWentOn',
  paused: 'eventPaused',
  resumed: 'eventResumed',
  cancelled: 'eventCancelled',
  stored: 'eventStored',
  proven: 'eventProven',
  failed: 'eventFailed',
  offline: 'eventOffline',
  online: 'eventOnline',
  rival: 'eventRival',
  'answer-lost': 'eventAnswerLost',
  'found-stored': 'eventFoundStored',
  'found-absent': 'eventFoundAbsent',
  'sent-twice': 'eventSentTwice',
  moved: 'eventMoved',
  'answered-late': 'eventAnsweredLate',
  throttled: 'eventThrottled',
  'server-error': 'eventServerError',
  'token-expired': 'eventTokenExpired',
  'clock-wrong': 'eventClockWrong',
  'not-from-oss': 'eventNotFromOss',
  refused: 'eventRefused',
};

/** The tone of an event: something went wrong, a problem was solved, or nothing special happened. */
export function toneOf({ kind }: What): 'bad' | 'warn' | 'good' | 'plain' {
  if (kind === 'failed') return 'bad';
  if (/^(found-stored|found-absent|stored|proven|went-on|online|resumed)$/.test(kind)) return 'good';
  return /^(began|paused|cancelled)$/.test(kind) ? 'plain' : 'warn';
}

function valuesOf(what: What): Values {
  switch (what.kind) {
    case 'went-on':
      return { position: bytes(what.position) };
    case 'stored':
      return { size: bytes(what.size) };
    case 'failed':
      return { reason: reasonOf(what.error, what.of) };
    case 'rival':
      return { position: exact(what.position) };
    case 'answer-lost':
    case 'sent-twice':
    case 'found-stored':
    case 'found-absent':
      return { size: bytes(what.size), position: exact(what.position) };
    case 'moved':
      return { position: exact(what.position), length: exact(what.length) };
    case 'answered-late':
      return { position: exact(what.position), time: duration(what.duration) };
    default:
      return { ...what };
  }
}

/** What failed. A recording has no file that could be sent again. */
export type Failed = 'file' | 'recording' | 'following';

/** Returns why something failed, and what to do. */
export function reasonOf(error: unknown, of: Failed = 'file'): string {
  const cause = causeOf(error);
  if (of === 'following') return reasonOfFollowing(cause);
  return (of === 'recording' && reasonOfRecording(cause)) || reasonOfFile(cause);
}

function reasonOfFollowing(cause: unknown): string {
  if (cause instanceof TransportError) return t('followNoAnswer');
  return cause instanceof CredentialsError ? t('reasonCredentials') : messageOf(cause);
}

function reasonOfRecording(cause: unknown): string | undefined {
  if (cause instanceof DOMException) return t('recordRefused', { reason: cause.message });
  if (cause instanceof TransportError) return t('recordNoAnswer');
  if (cause instanceof SourceError) return t('recordBroken');
  return needsNewObject(cause) ? t('recordSpoilt') : undefined;
}

function reasonOfFile(cause: unknown): string {
  if (cause instanceof TransportError) return t('reasonNetwork');
  if (cause instanceof AppendConflictError) return t('reasonConflict');
  if (cause instanceof ChecksumError) return t(cause.code === 'DifferentPrefix' ? 'reasonOther' : 'reasonDamaged');
  if (cause instanceof SourceError) return t('reasonSource');
  if (cause instanceof CredentialsError) return t('reasonCredentials');
  if (cause instanceof ServiceError) return t('reasonForbidden', { code: cause.code });
  return t('reasonUnknown', { message: messageOf(cause) });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** True if the object of a failed file can never hold the file, so that only a new object helps. */
export function needsNewObject(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof AppendConflictError || cause instanceof ChecksumError;
}

/** True if the data of a failed file cannot be read any more, so that only picking the file again helps. */
export function needsNewFile(error: unknown): boolean {
  return causeOf(error) instanceof SourceError;
}

/** The plugin wraps the error of the append. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && error.name === 'UploadError' && error.cause ? error.cause : error;
}
