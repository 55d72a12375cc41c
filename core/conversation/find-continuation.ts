import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ProviderConversation, RebuildReason, Usage } from '../../contracts/session/run.ts';

type RunEvents = readonly PerdureEvent[];
type Reply = Extract<PerdureEvent, { type: 'message.completed' }>;

/** Where a model call continues the conversation that its provider keeps, or why it does not. */
export type FoundContinuation =
  | {
      readonly kind: 'continues';
      readonly after: { readonly runId: string; readonly step: number };
      readonly conversation: ProviderConversation;
      /** Of the reply that `conversation` is of; null if its provider did not report it. */
      readonly usage: Usage | null;
      /** Whether a call may have been made since whose reply is not in the transcript. */
      readonly uncertain: boolean;
    }
  /** `rebuilt`: null where no reply precedes. */
  | { readonly kind: 'begins'; readonly rebuilt: RebuildReason | null };

export interface ContinuationRequest {
  /** `provider/model` of the call. */
  readonly model: string;
  /** The attempt of its step, from 1. */
  readonly attempt: number;
}

/**
 * Finds the newest reply up to which the provider of `model` keeps the conversation. `runs` has the events of each run in the
 * call's context, in the order of the runs, the call's own last.
 */
export function findContinuation(
  runs: readonly RunEvents[],
  { model, attempt }: ContinuationRequest,
): FoundContinuation {
  const own = runs.at(-1) ?? [];
  const replies: Reply[] = [];
  let found: Reply | undefined;
  let earlierSeq = 0;
  for (const events of runs) {
    const whole = events.filter(isWhole);
    // A run that was resumed comes after the runs between, which the provider did not have by the replies before.
    found = whole.findLast((reply) => reply.providerConversation?.model === model && reply.seq > earlierSeq) ?? found;
    replies.push(...whole);
    earlierSeq = Math.max(earlierSeq, events.at(-1)?.seq ?? 0);
  }
  const conversation = found?.providerConversation;
  if (!found || !conversation) return { kind: 'begins', rebuilt: reasonOf(replies, model) };
  const { runId, step, usage, seq } = found;
  // The run was resumed: the provider already has its steps, before those of another run.
  if (runId !== runOf(own) && own.some((event) => event.type === 'message.completed' && event.seq < seq)) {
    return { kind: 'begins', rebuilt: 'unsettled' };
  }
  const isLater = (event: PerdureEvent) => event.seq > seq;
  const between = runs.slice(
    runs.findIndex((events) => events.includes(found)),
    -1,
  );
  const uncertain =
    attempt > 1 ||
    between.some((events) => events.some(isLater)) ||
    own.some((event) => event.type === 'message.completed' && isLater(event));
  return { kind: 'continues', after: { runId, step }, conversation, usage, uncertain };
}

/** A partial reply may be at the provider or not, and is sent again. */
function isWhole(event: PerdureEvent): event is Reply {
  return event.type === 'message.completed' && !event.partial;
}

function reasonOf(replies: readonly Reply[], model: string): RebuildReason | null {
  const kept = replies.flatMap(({ providerConversation }) => providerConversation ?? []);
  if (kept.some((conversation) => conversation.model === model)) return 'unsettled';
  if (kept.length > 0) return 'other_model';
  return replies.length > 0 ? 'not_kept' : null;
}

function runOf([first]: RunEvents): string | undefined {
  return first && 'runId' in first ? first.runId : undefined;
}
