/** A thread that executes one program, and lasts until its host ends it. */
import module from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { compileCacheFolder } from '../assets/package-files.ts';
import type { SettleMessage, ThreadData } from './program.ts';

// A thread does not inherit the compile cache of its process.
module.enableCompileCache(compileCacheFolder());
const { QuickJsProgram } = await import('./quickjs-program.ts');

const { program, limits } = workerData as ThreadData;
const running = await QuickJsProgram.create(program, limits, (message) => parentPort?.postMessage(message, []));
parentPort?.on('message', (settled: SettleMessage) => running.settle(settled));
running.start();
