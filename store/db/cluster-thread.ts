/** A thread that creates a database cluster and ends. The memory of the database that does so ends with it. */
import module from 'node:module';
import { workerData } from 'node:worker_threads';
import { compileCacheFolder } from '../../assets/package-files.ts';

// A thread does not inherit the compile cache of its process.
module.enableCompileCache(compileCacheFolder());
const { createCluster } = await import('./cluster-template.ts');

await createCluster((workerData as { readonly path: string }).path);
module.flushCompileCache();
