// A page that uses the uploader, with the types of Uppy's own plugins and files.
import Uppy, { type Meta, type UppyFile } from '@uppy/core';
import { OssClient } from 'oss-append';
import { OssAppend, type OssAppendBody, type OssAppendOptions, UploadError } from 'oss-append/uppy';

const credentials = { accessKeyId: 'a', accessKeySecret: 'b', securityToken: 'c' };
export const client: OssClient = new OssClient({ region: 'cn-hangzhou', bucket: 'logs', credentials });

export const options: OssAppendOptions<Meta, OssAppendBody> = {
  client: (file: UppyFile<Meta, OssAppendBody>) => (file.size ? client : client),
  key: ({ id, name }) => `${id}/${name}`,
  headers: ({ type }) => ({ 'x-oss-meta-type': type }),
  url: (key) => `https://cdn.example.com/${key}`,
  limit: 3,
  maxRate: 100_000,
  segmentSize: 1024,
  locale: { strings: { adviceService: 'Ask us.' } },
};

export const uppy: Uppy<Meta, OssAppendBody> = new Uppy<Meta, OssAppendBody>().use(
  OssAppend<Meta, OssAppendBody>,
  options,
);
export const plain: Uppy = new Uppy().use(OssAppend, { client, key: (file) => file.name });
export const plugin: OssAppend<Meta, OssAppendBody> | undefined = uppy.getPlugin('OssAppend');
plugin?.setOptions({ limit: 1 });

uppy.on('upload-success', (file, { uploadURL, body }) => {
  const position: number | undefined = body?.position;
  const key: string | undefined = file && 'ossAppend' in file ? file.ossAppend?.key : undefined;
  console.log(key, position, body?.hashCrc64ecma, uploadURL);
});
uppy.on('upload-error', (_file, error) => {
  if (error instanceof UploadError) console.log(error.code, error.details, error.isNetworkError, error.cause);
});
