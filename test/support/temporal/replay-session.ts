import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { PAYLOAD_CONVERTER } from '../../../worker/tuning.ts';
import { workflowCode } from '../../../worker/workflow-bundle.ts';

/** Replays the history of a session's newest execution with the current workflow code. Rejects if that fails. */
export async function replaySession(client: Client, key: SessionKey): Promise<void> {
  const workflowId = workflowIdOf(key);
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  const options = { workflowBundle: await workflowCode(), dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER } };
  await Worker.runReplayHistory(options, history, workflowId);
}
