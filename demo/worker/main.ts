/** The demo with its edge in workerd: the page, an OSS and an STS in this process, the Worker in its own. */
import { join } from 'node:path';
import { type Demo, startDemo } from '../server.ts';
import { type RunningWorkerd, startWorkerd } from './workerd.ts';

/** Where things are. */
export interface WorkerDemoOptions {
  /** The runtime. */
  readonly command: string;
  /** Folder of the bundled Worker, and of the built page. */
  readonly folder: string;
  readonly publicFolder: string;
  readonly compatibilityDate: string;
  /** Of the page. Default: any free one. */
  readonly port?: number | undefined;
}

/** Starts all of it. */
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
      });
      return worker.url;
    },
  });
  if (!worker) throw new Error('unreachable: the demo started no edge');
  const running = worker;
  const close = async () => void (await Promise.all([demo.close(), running.stop()]));
  return { ...demo, worker: running, close };
}

/** For the command line: runs until Ctrl-C, which ends the Worker too. */
export async function run(options: WorkerDemoOptions): Promise<void> {
  const demo = await startWorkerDemo(options).catch((error) => {
    if (error.code === 'EADDRINUSE') return startWorkerDemo({ ...options, port: undefined });
    throw error;
  });
  console.log(`oss-append demo: ${demo.url}   (its OSS: ${demo.ossUrl}, its Worker in workerd: ${demo.worker.url})`);
  console.log('Ctrl-C ends it.');
  const end = () => demo.close().finally(() => process.exit());
  process.once('SIGINT', end).once('SIGTERM', end);
}
