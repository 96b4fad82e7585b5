/** Uppy's Dashboard, and the places around it that take files. */

import { useSignalEffect } from '@preact/signals';
import DropTarget from '@uppy/drop-target';
import Webcam from '@uppy/webcam';
import { useEffect, useRef } from 'preact/hooks';
import { language, theme } from '../settings.ts';
import { t } from '../text/text.ts';
import { addFiles } from './add-files.ts';
import { ListedDashboard } from './listed-dashboard.ts';
import type { Uploader } from './uploader.ts';

/** Uppy's camera takes pictures. Recordings are appended while they are recorded: see record-card.tsx. */
const CAMERA: ConstructorParameters<typeof Webcam>[1] = { modes: ['picture'], mirror: false };

export function UploadPanel({ uploader }: { readonly uploader: Uploader }) {
  const frame = useRef<HTMLDivElement>(null);
  const { uppy } = uploader;
  useEffect(() => {
    if (!frame.current) return;
    uppy.use(ListedDashboard, {
      inline: true,
      target: frame.current,
      width: '100%',
      height: 420,
      theme: 'auto',
      fileManagerSelectionType: 'both',
      // The bar with the total shows the rate and the time that is left.
      hideProgressDetails: true,
      // A single file is shown as a list of one, because only the list has the roles that a screen reader needs.
      singleFileFullScreen: false,
      proudlyDisplayPoweredByUppy: false,
      showRemoveButtonAfterComplete: true,
    });
    uppy.use(Webcam, CAMERA);
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
  useSignalEffect(() => {
    // The camera keeps the name that it had when it was made.
    const camera = uppy.getPlugin('Webcam');
    if (!language.value || !camera) return;
    uppy.removePlugin(camera);
    uppy.use(Webcam, CAMERA);
  });
  useSignalEffect(() => uppy.getPlugin('Dashboard')?.setOptions({ note: t('uploaderNote') }));
  return <div ref={frame} class="dashboard" />;
}

/** The Dashboard takes pasted files only while it has the focus. The page takes them everywhere else. */
function takePasted({ uppy }: Uploader): () => void {
  const take = ({ clipboardData, target }: ClipboardEvent) => {
    if (target instanceof Element && target.closest('.dashboard, input, textarea')) return;
    addFiles(uppy, [...(clipboardData?.files ?? [])], { source: 'paste' });
  };
  document.addEventListener('paste', take);
  return () => document.removeEventListener('paste', take);
}
