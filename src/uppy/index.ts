/** oss-append/uppy: an uploader plugin for Uppy 6. */

export type { OssAppendBody, OssAppendOptions, UploadClient } from './options.ts';
export { OssAppend } from './oss-append.ts';
export { UploadError } from './upload-error.ts';
