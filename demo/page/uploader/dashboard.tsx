/** Uppy's Dashboard, and the places around it that take files. */

import { useSignalEffect } from '@preact/signals';
import Dashboard from '@uppy/dashboard';
import DropTarget from '@uppy/drop-target';
import Webcam from '@uppy/webcam';
import { useEffect, useRef } from 'preact/hooks';
import { theme } from '../settings.ts';
import { t } from '../text/text.ts';
import type { Uploader } from './uploader.ts';

export function UploadPanel({ uploader }: { readonly uploader: Uploader }) {
  const frame = useRef<HTMLDivElement>(null);
  const { uppy } = uploader;
  useEffect(() => {
    if (!frame.current) return;
    uppy.use(Dashboard, {
      inline: true,
      target: frame.current,
      width: '100%',
      height: 420,
      theme: 'auto',
      fileManagerSelectionType: 'both',
      // The bar with the total says the rate and the time that is left.
      hideProgressDetails: true,
      proudlyDisplayPoweredByUppy: false,
      showRemoveButtonAfterComplete: true,
    });
    uppy.use(Webcam, { modes: ['picture'], mirror: false });
    uppy.use(DropTarget, { target: document.body });
    uploader.restore();
    const unlisten = takePasted(uploader);
    return () => {
      unlisten();
      for (const name of ['DropTarget', 'Webcam', 'Dashboard', 'GoldenRetriever']) {
        const plugin = uppy.getPlugin(name);
        if (plugin) uppy.removePlugin(plugin);
      }
    };
  }, []);
  useSignalEffect(() => uppy.getPlugin('Dashboard')?.setOptions({ theme: theme.value }));
  useSignalEffect(() => uppy.getPlugin('Dashboard')?.setOptions({ note: t('uploaderNote') }));
  return <div ref={frame} class="dashboard" />;
}

/** The Dashboard takes pasted files only while it has the focus. The page takes them everywhere else. */
function takePasted({ uppy }: Uploader): () => void {
  const take = ({ clipboardData, target }: ClipboardEvent) => {
    if (target instanceof Element && target.closest('.dashboard, input, textarea')) return;
    const files = [...(clipboardData?.files ?? [])];
    if (files.length > 0)
      uppy.addFiles(files.map((data) => ({ name: data.name, type: data.type, data, source: 'paste' })));
  };
  document.addEventListener('paste', take);
  return () => document.removeEventListener('paste', take);
}
