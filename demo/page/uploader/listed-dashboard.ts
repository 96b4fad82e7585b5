/**
 * Uppy's Dashboard, with the role `list` also for a single file. Uppy sets this role only if there are two files or
 * more. But each file has the role `listitem`, and this role means nothing outside of a list.
 */
import Dashboard from '@uppy/dashboard';
import type { OssAppendBody } from '../../../src/uppy/index.ts';
import type { FileMeta } from './uploader.ts';

type Base = Dashboard<FileMeta, OssAppendBody>;

export class ListedDashboard extends Dashboard<FileMeta, OssAppendBody> {
  /** The method of Uppy that runs after Uppy has drawn the list. */
  readonly #finish = (this as Base).afterUpdate;

  override readonly afterUpdate: Base['afterUpdate'] = () => {
    this.#finish();
    this.el?.querySelector('.uppy-Dashboard-files:not([role])')?.setAttribute('role', 'list');
  };
}
