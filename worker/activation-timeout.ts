import vm from 'node:vm';
import type { BaseVMWorkflow } from '@temporalio/worker/lib/workflow/vm-shared.js';

type Method<This, Name extends keyof This> = This[Name] extends (...args: infer Args) => infer Result
  ? (this: This, ...args: Args) => Result
  : never;

/**
 * Limits the time of each activation of a workflow as a whole, instead of the time of every single call into its context. The
 * SDK calls into the context several times in an activation, and Node starts and joins a thread for every call with a
 * timeout, which takes about 0.2 ms of processor time: most of what a workflow thread did.
 *
 * The limit is the one that the SDK sets, and what follows is the same: an activation that exceeds it fails its workflow
 * task, and other workflows continue. Calls outside an activation keep the timeout of the SDK. Call it once in a workflow
 * thread, with the class that the SDK's workflows extend.
 */
export function limitWholeActivations(workflows: { readonly prototype: BaseVMWorkflow }): void {
  const limit = interceptTimeouts();
  const prototype: { activate: Method<BaseVMWorkflow, 'activate'> } = workflows.prototype;
  const { activate } = prototype;
  prototype.activate = async function (activation) {
    try {
      // Every call into the context precedes the first `await` of the SDK.
      return await limit(() => activate.call(this, activation));
    } catch (error) {
      // The SDK rejects a failed query, and returns other failures.
      if (!isTimeout(error) || activation.jobs?.some(({ queryWorkflow }) => queryWorkflow)) throw error;
      const { activator } = this as unknown as { readonly activator: Activator };
      return { runId: this.runId, failed: { failure: activator.errorToFailure(error) } };
    }
  };
}

/** The SDK's representation of a workflow. */
interface Activator {
  errorToFailure(error: unknown): never;
}

/**
 * Returns a function that runs another one within the timeout that the SDK last set, and throws Node's error for a script that
 * exceeds its timeout. Within it, calls into a context have no timeout of their own.
 */
function interceptTimeouts(): <T>(run: () => T) => T {
  const prototype: { runInContext: Method<vm.Script, 'runInContext'> } = vm.Script.prototype;
  const { runInContext } = prototype;
  let timeout: number | undefined;
  let isLimited = false;
  prototype.runInContext = function (context, options) {
    if (options?.timeout === undefined) return runInContext.call(this, context, options) as unknown;
    timeout = options.timeout;
    if (!isLimited) return runInContext.call(this, context, options) as unknown;
    const { timeout: _, ...rest } = options;
    return runInContext.call(this, context, rest) as unknown;
  };
  const holder: { run?: () => unknown } = {};
  const caller = vm.createContext({ holder });
  const script = new vm.Script('holder.run()');
  return <T>(run: () => T): T => {
    if (timeout === undefined) return run();
    holder.run = run;
    isLimited = true;
    try {
      return runInContext.call(script, caller, { timeout }) as T;
    } finally {
      isLimited = false;
      delete holder.run;
    }
  };
}

function isTimeout(error: unknown): boolean {
  return (error as { readonly code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}
