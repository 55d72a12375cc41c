import { ApplicationFailure, condition, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';

/** When it is told to, says what it was given and which memo it has. */
export async function report(of: string): Promise<unknown> {
  let told = false;
  setHandler(defineSignal('finish'), () => {
    told = true;
  });
  await condition(() => told);
  if (of === 'fail') throw ApplicationFailure.nonRetryable('no such report');
  return { of, memo: workflowInfo().memo };
}
