import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { decodePayloads } from '../../codec/payloads-in.ts';
import { SIGNAL } from '../../contracts/names.ts';
import { callServer } from './temporal-call.ts';

/** Messages that a running workflow has received and that no worker has processed yet. */
export interface PendingMessages {
  /** Their number. */
  readonly waiting: number;
  /** When the first of them was received; null without any. */
  readonly since: string | null;
  /**
   * The messages that the workflow has received by signal lately, by id. `taken`: a worker has taken it; unless the store has
   * admitted or refused it, it is still being processed.
   */
  readonly received: ReadonlyMap<string, 'waiting' | 'taken'>;
}

/** Limit where the caller can continue without the result. */
const PROBE_TIMEOUT_MS = 1_000;
/** The number of events at the end of a history that are read. */
const MAX_EVENTS = 1_000;

const NONE: PendingMessages = { waiting: 0, since: null, received: new Map() };

/** Reads the pending messages from the end of the workflow's history. Rejects when the server does not respond within a second. */
export async function readPendingMessages(client: Client, workflowId: string): Promise<PendingMessages> {
  const { namespace } = client.options;
  let events: readonly HistoryEvent[] = [];
  await callServer(
    client,
    async () => {
      const execution = { workflowId };
      const request = { namespace, execution, maximumPageSize: MAX_EVENTS };
      const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse(request);
      events = history?.events ?? [];
    },
    PROBE_TIMEOUT_MS,
  );
  const { payloadCodecs } = client.options.loadedDataConverter;
  return pendingIn(await Promise.all(events.map((event) => decoded(event, payloadCodecs))));
}

/** The fields of a history's event that matter here. */
type HistoryEvent = NonNullable<
  NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistoryReverse']>>['history']>['events']
>[number];

/** The event with its signal's input decoded; unchanged if the codecs cannot decode it. */
async function decoded(event: HistoryEvent, codecs: readonly PayloadCodec[]): Promise<HistoryEvent> {
  const signal = event.workflowExecutionSignaledEventAttributes;
  if (signal?.signalName !== SIGNAL.submitMessage) return event;
  try {
    const payloads = await decodePayloads(signal.input?.payloads ?? [], codecs);
    return { ...event, workflowExecutionSignaledEventAttributes: { ...signal, input: { payloads } } };
  } catch {
    return event;
  }
}

/** `events`: the end of a history, newest first. Pure. */
export function pendingIn(events: readonly HistoryEvent[]): PendingMessages {
  const [newest] = events;
  if (newest === undefined || isEnd(newest)) return NONE;
  const received = new Map<string, 'waiting' | 'taken'>();
  let isTaken = false;
  let waiting = 0;
  let since: string | null = null;
  for (const event of events) {
    isTaken ||= Boolean(event.workflowTaskCompletedEventAttributes);
    const signal = event.workflowExecutionSignaledEventAttributes;
    if (signal?.signalName !== SIGNAL.submitMessage) continue;
    const id = idIn(signal.input?.payloads?.[0]?.data);
    if (id !== null && !received.has(id)) received.set(id, isTaken ? 'taken' : 'waiting');
    if (isTaken) continue;
    waiting += 1;
    since = new Date(Number(event.eventTime?.seconds ?? 0) * 1_000).toISOString();
  }
  return { waiting, since, received };
}

function isEnd(event: HistoryEvent): boolean {
  return [
    event.workflowExecutionCompletedEventAttributes,
    event.workflowExecutionFailedEventAttributes,
    event.workflowExecutionTimedOutEventAttributes,
    event.workflowExecutionCanceledEventAttributes,
    event.workflowExecutionTerminatedEventAttributes,
    event.workflowExecutionContinuedAsNewEventAttributes,
  ].some(Boolean);
}

/** The message's id; null for what is not a message, or could not be decoded. */
function idIn(data: Uint8Array | null | undefined): string | null {
  try {
    const { id } = JSON.parse(new TextDecoder().decode(data ?? new Uint8Array())) as { id?: unknown };
    return typeof id === 'string' ? id : null;
  } catch {
    return null;
  }
}
