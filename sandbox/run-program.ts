import { Worker } from 'node:worker_threads';
import { modulePath } from '../assets/package-files.ts';
import type { Json } from '../contracts/json.ts';
import type {
  CallSettlement,
  Program,
  ProgramCall,
  ProgramLimits,
  ProgramOutcome,
  SettleMessage,
  ThreadMessage,
} from './program.ts';

/** The host of a program. */
export interface ProgramHost {
  /** Makes a call. A rejection ends the program, and is that of {@link runProgram}. */
  readonly call: (call: ProgramCall) => Promise<CallSettlement>;
  /** Called when the program waits for its calls, after it was given the outcomes of `settled` of them. What it throws ends the program. */
  readonly onWait?: (settled: number) => void;
  /** Ends the program: {@link runProgram} rejects with the reason. */
  readonly signal: AbortSignal;
}

/**
 * Executes a program in a thread of its own, without network, files or clock. The program gets the outcomes of its calls in the
 * order in which `call` resolves, each only when it waits: with the same outcomes in the same order it does the same.
 */
export async function runProgram(program: Program, limits: ProgramLimits, host: ProgramHost): Promise<ProgramOutcome> {
  host.signal.throwIfAborted();
  const thread = new Worker(modulePath('sandbox/program-thread'), {
    name: 'program',
    workerData: { program, limits },
    // The program's memory is outside of the thread's heap.
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    env: {},
  });
  const { promise, resolve, reject } = Promise.withResolvers<ProgramOutcome>();
  const settle = (index: number, settlement: CallSettlement): void => {
    const failed = 'error' in settlement;
    const text = failed ? settlement.error : JSON.stringify(settlement.result);
    thread.postMessage({ index, failed, text } satisfies SettleMessage, []);
  };
  const onAbort = (): void => reject(host.signal.reason);
  host.signal.addEventListener('abort', onAbort, { once: true });
  thread.on('message', (message: ThreadMessage) => {
    switch (message.kind) {
      case 'call': {
        const { index, tool, json } = message;
        host
          .call({ index, tool, arguments: JSON.parse(json) as Json })
          .then((settlement) => settle(index, settlement), reject);
        break;
      }
      case 'waits':
        try {
          host.onWait?.(message.settled);
        } catch (error) {
          reject(error);
        }
        break;
      case 'completed':
        resolve({ status: 'completed', result: JSON.parse(message.json) as Json, logs: message.logs });
        break;
      case 'failed':
        resolve({ status: 'failed', error: message.error, logs: message.logs });
        break;
    }
  });
  thread.on('error', (error) => resolve(ended(error.message)));
  thread.on('exit', () => resolve(ended('its thread has exited')));
  try {
    return await promise;
  } finally {
    host.signal.removeEventListener('abort', onAbort);
    await thread.terminate();
  }
}

function ended(why: string): ProgramOutcome {
  return { status: 'failed', error: `The program ended: ${why}.`, logs: [] };
}
