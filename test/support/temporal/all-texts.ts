import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

/** All texts and bytes of a value, such as a protobuf message with its payloads. */
export function textsIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, part]) => `${name} ${textsIn(part)}`)
    .join('\n');
}

/** What Temporal has of every execution in a namespace, by what and where it is. */
export async function allTexts(client: Client): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for await (const execution of client.workflow.list()) {
    for (const [what, text] of await textsOf(client, execution))
      texts.set(`${what} of ${execution.type} ${execution.workflowId} ${execution.runId}`, text);
  }
  return texts;
}

/** The visibility record, the state with pending activities, summary, details and memo, each event of the history, and what the UI queries. */
async function textsOf(client: Client, { workflowId, runId, raw, status }: WorkflowExecutionInfo) {
  const handle = client.workflow.getHandle(workflowId, runId);
  const { events } = await handle.fetchHistory();
  const isQueried = status.name === 'RUNNING' && !workflowId.startsWith('child-');
  return [
    ['visibility', textsIn(raw)],
    ['state', textsIn((await handle.describe()).raw)],
    ...(events ?? []).map((event) => [`event ${event.eventId?.toString()}`, textsIn(event)]),
    ...(isQueried ? [['details', textsIn(await handle.query('__temporal_workflow_metadata'))]] : []),
  ] as [string, string][];
}
