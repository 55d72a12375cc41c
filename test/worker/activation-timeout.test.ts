import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { Worker } from '@temporalio/worker';
import { BaseVMWorkflow } from '@temporalio/worker/lib/workflow/vm-shared.js';
import proto from '@temporalio/proto';
import { expect, test } from 'vitest';
import { limitWholeActivations } from '../../worker/activation-timeout.ts';
import { PAYLOAD_CONVERTER } from '../../worker/tuning.ts';
import { workflowCode } from '../../worker/workflow-bundle.ts';

type Activate = BaseVMWorkflow['activate'];

/** Calls into a context with a timeout, each of which starts a thread. */
let timed = 0;
const scripts: { runInContext: (this: vm.Script, ...args: Parameters<vm.Script['runInContext']>) => unknown } =
  vm.Script.prototype;
const { runInContext } = scripts;
scripts.runInContext = function (context, options) {
  if (options?.timeout !== undefined) timed++;
  return runInContext.call(this, context, options);
};

test('an activation is one call with a timeout, and several without the limit of whole activations', async () => {
  const before = await timedCallsOfActivations();
  expect(before.length).toBeGreaterThan(3);
  expect(Math.min(...before)).toBeGreaterThan(2);

  limitWholeActivations(BaseVMWorkflow);
  const after = await timedCallsOfActivations();
  expect(after).toEqual(before.map(() => 1));
}, 60_000);

/** The number of calls with a timeout in each activation of a replayed session. */
async function timedCallsOfActivations(): Promise<number[]> {
  const calls: number[] = [];
  const workflows: { activate: (this: BaseVMWorkflow, ...args: Parameters<Activate>) => ReturnType<Activate> } =
    BaseVMWorkflow.prototype;
  const { activate } = workflows;
  workflows.activate = async function (activation) {
    const before = timed;
    const completion = await activate.call(this, activation);
    calls.push(timed - before);
    return completion;
  };
  const text = readFileSync(new URL('../histories/tools.json', import.meta.url), 'utf8');
  const { workflowId, history } = JSON.parse(text) as { workflowId: string; history: object };
  const dataConverter = { payloadConverterPath: PAYLOAD_CONVERTER };
  // A replay runs workflows in this thread.
  await Worker.runReplayHistory(
    { workflowBundle: await workflowCode(), dataConverter },
    proto.temporal.api.history.v1.History.fromObject(history),
    workflowId,
  );
  workflows.activate = activate;
  return calls;
}
