import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { decidedEntry } from './decided-entry.ts';

type RunEvent = Extract<PerdureEvent, { runId: string }>;

/**
 * Builds the conversation from durable events, in the order that a model is given: runs by their start, each step by step,
 * and a steering message after the last reply made without it. An open tool call has no result entry.
 */
export function transcript(events: readonly PerdureEvent[]): TranscriptEntry[] {
  return [...runsInOrder(events)].flatMap(runTranscript);
}

/** Groups events by run: started runs by their first start, then queued ones. Without any `run.started`, keeps the order of the events. */
function runsInOrder(events: readonly PerdureEvent[]): Iterable<RunEvent[]> {
  const runs = new Map<string, RunEvent[]>();
  const startedAt = new Map<string, number>();
  for (const event of events) {
    if (!('runId' in event) || event.runId === undefined) continue;
    const runEvent = event as RunEvent;
    const list = runs.get(runEvent.runId);
    if (list) list.push(runEvent);
    else runs.set(runEvent.runId, [runEvent]);
    if (event.type === 'run.started' && !startedAt.has(event.runId)) startedAt.set(event.runId, event.seq);
  }
  if (startedAt.size === 0) return runs.values();
  return [...runs.entries()]
    .toSorted(([a], [b]) => (startedAt.get(a) ?? Infinity) - (startedAt.get(b) ?? Infinity) || 0)
    .map(([, list]) => list);
}

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;
type Outcome = EventOf<'tool.completed' | 'tool.failed' | 'tool.unknown' | 'tool.cancelled'>;

/** The events of a run that its transcript shows. */
interface ShownEvents {
  readonly messages: EventOf<'message.received'>[];
  readonly decisions: EventOf<'input.decided'>[];
  readonly replies: EventOf<'message.completed'>[];
  readonly calls: EventOf<'tool.called'>[];
  readonly outcomes: Outcome[];
}

function shownOf(events: readonly RunEvent[]): ShownEvents {
  const shown: ShownEvents = { messages: [], decisions: [], replies: [], calls: [], outcomes: [] };
  for (const event of events) {
    switch (event.type) {
      case 'message.received':
        shown.messages.push(event);
        break;
      case 'input.decided':
        shown.decisions.push(event);
        break;
      case 'message.completed':
        shown.replies.push(event);
        break;
      case 'tool.called':
        // The model is given what its program returns, not the calls that the program makes.
        if (event.program === undefined) shown.calls.push(event);
        break;
      case 'tool.completed':
      case 'tool.failed':
      case 'tool.unknown':
      case 'tool.cancelled':
        shown.outcomes.push(event);
        break;
      case 'run.started':
      case 'reasoning.completed':
      case 'context.rebuilt':
      case 'approval.requested':
      case 'approval.reminded':
      case 'approval.decided':
      case 'approval.expired':
      case 'approval.withdrawn':
      case 'client_call.requested':
      case 'client_call.reminded':
      case 'client_call.answered':
      case 'client_call.expired':
      case 'client_call.withdrawn':
      case 'budget.warned':
      case 'budget.released':
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        break;
      default:
        event satisfies never;
    }
  }
  return shown;
}

function runTranscript(events: readonly RunEvent[]): TranscriptEntry[] {
  const { messages, decisions, replies, ...tools } = shownOf(events);
  const entries: TranscriptEntry[] = [];
  let next = 0;
  const takeMessages = (seen: (seq: number) => boolean) => {
    for (let message = messages[next]; message && seen(message.seq); message = messages[++next]) {
      const { runId, messageId, content, parts, pin } = message;
      const more = { ...(parts ? { parts } : {}), ...(pin === true ? { pin } : {}) };
      entries.push(decidedEntry({ role: 'user', runId, messageId, content, ...more }, decisions));
    }
  };
  for (const reply of replies) {
    takeMessages((seq) => seq <= reply.throughSeq);
    entries.push(...stepTranscript(reply, tools));
  }
  takeMessages(() => true);
  return entries;
}

function stepTranscript(
  reply: EventOf<'message.completed'>,
  tools: Pick<ShownEvents, 'calls' | 'outcomes'>,
): TranscriptEntry[] {
  const { runId, step } = reply;
  const calls = tools.calls.filter((call) => call.step === step);
  if (reply.text === '' && calls.length === 0 && !reply.rejected) return [];
  const toolCalls: ToolCallRequest[] = calls.map((call) => ({
    callId: call.callId,
    tool: call.tool,
    arguments: call.arguments,
    malformed: null,
  }));
  const results = calls.flatMap((call): TranscriptEntry[] => {
    const outcome = tools.outcomes.find(({ callId, step: ofStep }) => callId === call.callId && ofStep === step);
    return outcome ? [outcomeEntry(outcome)] : [];
  });
  const { text: content, partial, providerData, rejected } = reply;
  return [
    {
      role: 'assistant',
      runId,
      step,
      content,
      toolCalls,
      partial,
      ...(providerData ? { providerData } : {}),
      ...(rejected ? { rejected } : {}),
    },
    ...results,
  ];
}

/** The entry that reports a call's outcome to the model. */
function outcomeEntry(outcome: Outcome): TranscriptEntry {
  const { runId, step, callId, tool } = outcome;
  const entry = { role: 'tool', runId, step, callId, tool } as const;
  switch (outcome.type) {
    case 'tool.completed':
      return {
        ...entry,
        status: 'completed',
        content: typeof outcome.result === 'string' ? outcome.result : JSON.stringify(outcome.result),
      };
    case 'tool.failed':
      return { ...entry, status: 'failed', content: `Error: ${outcome.error}` };
    case 'tool.unknown':
      return {
        ...entry,
        status: 'unknown',
        content: `Outcome unknown: ${outcome.error} It may or may not have taken effect; do not assume either, and do not repeat it without checking.`,
      };
    case 'tool.cancelled':
      return { ...entry, status: 'cancelled', content: `Cancelled: ${outcome.error}` };
  }
}
