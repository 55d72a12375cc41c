import { createRequire } from 'node:module';
import threads, { type Worker as NodeWorker } from 'node:worker_threads';
import { Worker } from '@temporalio/worker';
import { modulePath } from '../assets/package-files.ts';

const SDK_THREAD = createRequire(import.meta.url).resolve('@temporalio/worker/lib/workflow/workflow-worker-thread.js');
const THREAD = modulePath('worker/workflow-thread');

let prepared: NodeWorker | undefined;

/** Starts the thread of the next worker, which loads its code meanwhile. It does not keep the process running. */
export function prepareWorkflowThread(): void {
  if (prepared !== undefined) return;
  const thread = new threads.Worker(THREAD);
  thread.unref();
  // The worker then starts another thread, and gets its error.
  thread.on('error', () => {
    if (prepared === thread) prepared = undefined;
  });
  prepared = thread;
}

/** The SDK's worker, with workflow threads that run `worker/workflow-thread.ts`. */
export class SessionWorker extends Worker {
  protected static override createWorkflowCreator(
    ...args: Parameters<typeof Worker.createWorkflowCreator>
  ): ReturnType<typeof Worker.createWorkflowCreator> {
    const { Worker: ThreadClass } = threads;
    threads.Worker = new Proxy(ThreadClass, {
      construct: (target, [file, ...rest]: unknown[]) =>
        file === SDK_THREAD ? takeThread(target) : (Reflect.construct(target, [file, ...rest]) as object),
    });
    try {
      // Starts the threads before its first `await`.
      return super.createWorkflowCreator(...args);
    } finally {
      threads.Worker = ThreadClass;
    }
  }
}

function takeThread(threadClass: typeof NodeWorker): NodeWorker {
  const thread = prepared ?? new threadClass(THREAD);
  prepared = undefined;
  thread.ref();
  return thread;
}
