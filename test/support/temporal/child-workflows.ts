import { ApplicationFailure, condition, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';

/** Waits for the signal `finish`, then returns its argument and its memo. */
export async function report(of: string): Promise<unknown> {
  let isFinished = false;
  setHandler(defineSignal('finish'), () => {
    isFinished = true;
  });
  await condition(() => isFinished);
  if (of === 'fail') throw ApplicationFailure.nonRetryable('no such report');
  return { of, memo: workflowInfo().memo };
}
