import { Tinypool } from 'tinypool';
import { modulePath } from '../../assets/package-files.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { ImportProblem, PreparedImport, PrepareImport } from './prepare-import.ts';
import type { UnpackArchive, UnpackedArchive } from './unpack-archive.ts';

export interface DocumentProcessOptions {
  /** Heap of each process. Default 1,536 MB. */
  readonly maxHeapMb?: number;
  /** A document within the limits takes a few seconds on a slow machine. Default 60,000 ms. */
  readonly maxTaskMs?: number;
}

/** A process ends when it has been idle for so long. */
const IDLE_MS = 30_000;
const MAX_PROCESSES = 2;

/**
 * Parses and checks documents in child processes, so that they do not stop the thread that serves requests. It is no worker
 * thread, because a parser that runs out of memory in native code ends its process, and all threads in it. The first task
 * starts a process. It gets no environment, thus no secrets.
 */
export function documentProcesses({ maxHeapMb = 1_536, maxTaskMs = 60_000 }: DocumentProcessOptions = {}) {
  let pool: Tinypool | undefined;
  const open = (): Tinypool => {
    const opened = new Tinypool({
      filename: modulePath('store/documents/process-tasks'),
      runtime: 'child_process',
      serialization: 'advanced',
      minThreads: 0,
      maxThreads: MAX_PROCESSES,
      idleTimeout: IDLE_MS,
      execArgv: [`--max-old-space-size=${maxHeapMb}`],
      env: {},
    });
    // An idle process that ends, such as by a signal to the process group, is replaced. Without a listener, this one would end.
    opened.on('error', () => {});
    return opened;
  };

  /** `failure`: the error for a task that took more than the processes have. */
  const run = async <Result>(name: string, task: object, failure: (limit: string) => PerdureError): Promise<Result> => {
    const signal = AbortSignal.timeout(maxTaskMs);
    pool ??= open();
    try {
      return (await pool.run(task, { name, signal })) as Result;
    } catch (error) {
      const { name: errorName, message } = error as Error;
      if (errorName === 'AbortError') throw failure(`${maxTaskMs} ms`);
      if (message === 'Worker exited unexpectedly') throw failure(`${maxHeapMb} MB of memory`);
      throw error;
    }
  };

  return {
    /** Runs {@link import('./prepare-import.ts').prepareImport}. Throws `invalid_request` and `too_large`. */
    prepareImport: async (task: PrepareImport): Promise<PreparedImport & { readonly id: string }> => {
      const result = await run<(PreparedImport & { id: string }) | ImportProblem>(
        'prepareImport',
        task,
        (limit) =>
          new PerdureError('too_large', `The document takes more than ${limit} to read. Import a smaller session.`),
      );
      if ('problem' in result) throw importError(result);
      return result;
    },
    /** Runs {@link import('./unpack-archive.ts').unpackArchive}. Throws `store_unavailable`: a store's own archives are of bounded size. */
    unpackArchive: async (task: UnpackArchive): Promise<UnpackedArchive> =>
      await run<UnpackedArchive>(
        'unpackArchive',
        task,
        (limit) =>
          new PerdureError(
            'store_unavailable',
            `The archive of the session takes more than ${limit} to read. Send the request again when this machine has less to do.`,
          ),
      ),
    close: async (): Promise<void> => {
      await pool?.destroy();
      pool = undefined;
    },
  };
}

/** Those of this process. */
export const documents = documentProcesses();

/** The error for a document that cannot be imported. */
export function importError({ code, problem }: ImportProblem): PerdureError {
  const remedy = code === 'too_large' ? 'Import a smaller session.' : 'Export the session again.';
  return new PerdureError(code, `The document is not an export that can be imported: ${problem}. ${remedy}`);
}
