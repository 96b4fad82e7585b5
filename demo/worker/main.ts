/**
 * Runs the demo with its edge in workerd. The page, a LocalOss and a LocalSts run in this process. The Worker runs in
 * a separate process.
 */
import { join } from 'node:path';
import { type Demo, startDemo } from '../server.ts';
import { type RunningWorkerd, startWorkerd } from './workerd.ts';

/** The options of the demo. */
export interface WorkerDemoOptions {
  /** The path of workerd. */
  readonly command: string;
  /** The folder of the bundled Worker. */
  readonly folder: string;
  /** The folder of the built page. */
  readonly publicFolder: string;
  readonly compatibilityDate: string;
  /** The port of the page. By default, the system chooses a free port. */
  readonly port?: number | undefined;
}

/** Starts the demo and the Worker. */
export async function startWorkerDemo(options: WorkerDemoOptions): Promise<Demo & { readonly worker: RunningWorkerd }> {
  const { command, folder, publicFolder, compatibilityDate, port } = options;
  let worker: RunningWorkerd | undefined;
  const demo = await startDemo({
    port,
    publicFolder,
    startEdge: async (env) => {
      worker = await startWorkerd({
        command,
        script: join(folder, 'worker.mjs'),
        env: { ...env } as Record<string, string>,
        compatibilityDate,
        durableObjects: { UPLOAD_LENGTHS: 'UploadLength' },
      });
      return worker.url;
    },
  });
  if (!worker) throw new Error('The demo did not start its edge, which should be impossible');
  const running = worker;
  const close = async () => void (await Promise.all([demo.close(), running.stop()]));
  return { ...demo, worker: running, close };
}

/** Runs the demo for the command line until Ctrl-C. Ctrl-C also ends the Worker. */
export async function run(options: WorkerDemoOptions): Promise<void> {
  const demo = await startWorkerDemo(options).catch((error) => {
    if (error.code === 'EADDRINUSE') return startWorkerDemo({ ...options, port: undefined });
    throw error;
  });
  console.log(`oss-append demo: ${demo.url}   (LocalOss: ${demo.ossUrl}, Worker in workerd: ${demo.worker.url})`);
  console.log('Press Ctrl-C to end the demo.');
  const end = () => demo.close().finally(() => process.exit());
  process.once('SIGINT', end).once('SIGTERM', end);
}
