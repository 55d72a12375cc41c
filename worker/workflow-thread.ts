/** A workflow thread, started in place of the SDK's own by {@link import('./session-worker.ts').SessionWorker}. */
import module from 'node:module';
import { compileCacheFolder } from '../assets/package-files.ts';

// A thread does not inherit the compile cache of its process.
module.enableCompileCache(compileCacheFolder());
const { BaseVMWorkflow } = await import('@temporalio/worker/lib/workflow/vm-shared.js');
const { limitWholeActivations } = await import('./activation-timeout.ts');

limitWholeActivations(BaseVMWorkflow);
await import('@temporalio/worker/lib/workflow/workflow-worker-thread.js');
module.flushCompileCache();
