import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { decodePayloads, payloadsIn } from '../../codec/payloads-in.ts';
import { UnreadablePayloadError } from '../../codec/readable-payloads.ts';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 10_000;

/** Whether a payload in the history of an execution has the text, as a whole string of its JSON, or cannot be decrypted and so may have it. */
export async function historyNames(
  client: Client,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  text: string,
): Promise<boolean> {
  try {
    const fetch = () => client.workflow.getHandle(workflowId, runId).fetchHistory();
    const payloads = [...payloadsIn(await client.withDeadline(Date.now() + TIMEOUT_MS, fetch))];
    const quoted = JSON.stringify(text);
    const decoded = await decodePayloads(payloads, client.options.loadedDataConverter.payloadCodecs);
    return decoded.some(({ data }) => Buffer.from(data ?? []).includes(quoted));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    if (error instanceof UnreadablePayloadError) return true;
    throw error;
  }
}
