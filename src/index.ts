/** oss-append: append to Alibaba Cloud OSS objects, every byte exactly once. */

export type { AppendOptions, AppendProgress } from './append/call.ts';
export type { AppendClient } from './append/client.ts';
export type { PendingSegment } from './append/flight.ts';
// Appending
export {
  AppendableObject,
  type AppendableObjectOptions,
  append,
  type ResumeOptions,
} from './append/object.ts';
export type { SettledAppend } from './append/settle.ts';
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
// Clients
export {
  OssClient,
  type OssClientOptions,
  type PresignAppendOptions,
  type PresignGetOptions,
  type PresignOptions,
  type PresignSealOptions,
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
  AppendBody,
  AppendObjectOptions,
  AppendObjectResult,
  CallOptions,
  GetObjectOptions,
  ObjectContent,
  ObjectHead,
  SealAppendObjectOptions,
  SealAppendObjectResult,
} from './request/operations.ts';
export { PresignedClient, type PresignedClientOptions } from './request/presigned.ts';
export type { Presign } from './request/presigner.ts';
export type {
  ByteRange,
  Fetch,
  FetchInit,
  OpenRange,
  PresignedRequest,
  PresignRequest,
  UploadProgress,
} from './request/request.ts';
// Signatures
export {
  type PresigningScope,
  presignV4,
  type SignableRequest,
  type SigningScope,
  signV4,
} from './request/signature.ts';
export type { SignerOptions } from './request/signer.ts';
export type { TransportOptions } from './request/transport.ts';
export type { AppendChunk, AppendSource } from './source/segment.ts';
export type { ObjectTail } from './tail.ts';
export type { Clock } from './waiting/clock.ts';
export type { Failure, Retry, RetryOptions } from './waiting/retry.ts';
