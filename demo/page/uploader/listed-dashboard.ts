/**
 * Uppy's Dashboard, in which one file is a list of one. Uppy gives its list the role `list` only from two files on, but
 * each of its files has the role `listitem`, which means nothing outside of a list.
 */
import Dashboard from '@uppy/dashboard';
import type { OssAppendBody } from '../../../src/uppy/index.ts';
import type { FileMeta } from './uploader.ts';

type Base = Dashboard<FileMeta, OssAppendBody>;

export class ListedDashboard extends Dashboard<FileMeta, OssAppendBody> {
  /** What Uppy does after it has drawn. */
  readonly #finish = (this as Base).afterUpdate;

  override readonly afterUpdate: Base['afterUpdate'] = () => {
    this.#finish();
    this.el?.querySelector('.uppy-Dashboard-files:not([role])')?.setAttribute('role', 'list');
  };
}
