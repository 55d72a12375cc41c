import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';

/** Time limit of a call of Temporal. */
const TIMEOUT_MS = 10_000;

/** Whether a payload in the history of an execution has the text, as a whole string of its JSON. */
export async function historyNames(
  client: Client,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  text: string,
): Promise<boolean> {
  try {
    const fetch = () => client.workflow.getHandle(workflowId, runId).fetchHistory();
    const payloads = [...payloadsIn(await client.withDeadline(Date.now() + TIMEOUT_MS, fetch))];
    const quoted = JSON.stringify(text);
    const decoded = await decode(client, payloads);
    return decoded.some(({ data }) => Buffer.from(data ?? []).includes(quoted));
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function decode(client: Client, payloads: Payload[]): Promise<Payload[]> {
  let decoded = payloads;
  for (const codec of client.options.loadedDataConverter.payloadCodecs.toReversed())
    decoded = await codec.decode(decoded);
  return decoded;
}

/** Every payload of a message, wherever it is. */
function* payloadsIn(value: unknown): Generator<Payload> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array) yield value as Payload;
  else for (const part of Object.values(value)) yield* payloadsIn(part);
}
