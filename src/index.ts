/** oss-append: append to Alibaba Cloud OSS objects, every byte exactly once. */

export type { PendingSegment } from './append/flight.ts';
// Appending
export {
  AppendableObject,
  type AppendableObjectOptions,
  type AppendClient,
  append,
  type ResumeOptions,
  type SettledAppend,
} from './append/object.ts';
export type { AppendOptions, AppendProgress } from './append/progress.ts';
export { AppendStream } from './append/stream.ts';
// Checksums
export { type Crc64, crc64, crc64Combine } from './crc64.ts';
// Errors
export {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  OssError,
  type Outcome,
  ServiceError,
  SourceError,
  TransportError,
} from './errors.ts';
// REST operations
export {
  type AppendBody,
  type AppendObjectOptions,
  type AppendObjectResult,
  type CallOptions,
  type GetObjectOptions,
  type ObjectContent,
  type ObjectHead,
  OssClient,
  type OssClientOptions,
  type PresignAppendOptions,
  type PresignGetOptions,
  type PresignOptions,
} from './request/client.ts';
// Credentials
export {
  type Credentials,
  type CredentialsProvider,
  type CredentialsRequest,
  type CredentialsUrlInit,
  credentialsFromUrl,
  type RefreshingProvider,
  type RefreshOptions,
  refreshingCredentials,
} from './request/credentials.ts';
export type { EndpointOptions } from './request/endpoint.ts';
export { type ObjectOptions, type ObjectProperties, objectHeaders } from './request/headers.ts';
export type {
  ByteRange,
  Fetch,
  FetchInit,
  OpenRange,
  Presign,
  PresignedRequest,
  PresignRequest,
  TransportOptions,
  UploadProgress,
} from './request/operation.ts';
// Signatures
export {
  type PresigningScope,
  presignV4,
  type SignableRequest,
  type SigningScope,
  signV4,
} from './request/signature.ts';
export type { AppendChunk, AppendSource } from './source/segment.ts';
export type { ObjectTail } from './tail.ts';
export type { Clock } from './waiting/clock.ts';
export type { RetryOptions } from './waiting/retry.ts';
