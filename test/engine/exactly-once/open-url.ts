/** The address of a request to a bucket that anyone may use, in place of a presigned one. */
import type { PresignRequest } from '../../../src/request/request.ts';
import { BUCKET } from './observed-oss.ts';

const QUERIES: Readonly<Partial<Record<PresignRequest['operation'], string>>> = {
  appendObject: 'append',
  sealAppendObject: 'seal',
};

export function openUrl({ operation, key, position }: PresignRequest): string {
  const query = QUERIES[operation];
  return `https://${BUCKET}.oss-cn-hangzhou.aliyuncs.com/${key}${query ? `?${query}&position=${position}` : ''}`;
}
