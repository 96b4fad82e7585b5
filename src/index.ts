/** oss-append: append to Alibaba Cloud OSS objects, every byte exactly once. */

// Appending
export {
  AppendableObject,
  type AppendableObjectOptions,
  type AppendClient,
  type AppendOptions,
  type AppendProgress,
  append,
  type PendingSegment,
  type ResumeOptions,
  type SettledAppend,
} from './append.ts';
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
} from './client.ts';
// Checksums
export { type Crc64, crc64, crc64Combine } from './crc64.ts';
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
} from './credentials.ts';
export type { EndpointOptions } from './endpoint.ts';
// Errors
export {
  AppendConflictError,
  ChecksumError,
  CredentialsError,
  type ObjectTail,
  OssError,
  type Outcome,
  ServiceError,
  SourceError,
  TransportError,
} from './errors.ts';
export { type ObjectOptions, type ObjectProperties, objectHeaders } from './headers.ts';
export type {
  ByteRange,
  Clock,
  Fetch,
  FetchInit,
  OpenRange,
  Presign,
  PresignedRequest,
  PresignRequest,
  RetryOptions,
  TransportOptions,
  UploadProgress,
} from './http.ts';
export type { AppendChunk, AppendSource } from './segments.ts';
// Signatures
export { type PresigningScope, presignV4, type SignableRequest, type SigningScope, signV4 } from './signature.ts';
export { AppendStream } from './stream.ts';
