import type { AgentVersion } from '../../../contracts/agent.ts';
import type { JsonObject } from '../../../contracts/json.ts';
import type { ContextRecord } from '../../../contracts/session/call-context.ts';
import type { RebuildReason, Usage } from '../../../contracts/session/run.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import type { FoundContinuation } from '../../../core/conversation/find-continuation.ts';
import { estimateInputTokens } from '../../../models/estimate-tokens.ts';
import {
  composeContext,
  requestOf,
  type ContextSource,
  type Continuation,
  type ModelContext,
} from '../../../models/model-context.ts';
import type { RunPosition } from '../../../store/steps/run-position.ts';
import type { FittedContext } from './fit-context.ts';

/** The largest number in a record. Providers may report anything. */
const MOST_TOKENS = 1_000_000_000;

/** What a call is given, and how that was composed. */
export interface CallInput {
  readonly context: ModelContext;
  readonly record: ContextRecord;
  /** The whole context from the local transcript, for a provider that cannot continue the conversation that it keeps. */
  readonly rebuild?: (reason: RebuildReason) => CallInput;
}

/** What a call is composed of, besides its agent and its position. */
export interface CallSource extends Pick<ContextSource, 'contributions'> {
  readonly schema: JsonObject | null;
  /** The conversation, with the decisions on its messages: all of it for a call that continues one, else what is fitted. */
  readonly entries: readonly TranscriptEntry[];
  /** What the model's window has room for. */
  readonly fitted: FittedContext;
  /** Where the provider's conversation goes on; null where the provider keeps nothing. */
  readonly found: FoundContinuation | null;
  /** The most earlier runs in the context. */
  readonly runs: number;
}

type Position = Pick<Extract<RunPosition, { kind: 'model' }>, 'step' | 'model' | 'throughSeq' | 'recovered'>;

/** Composes the context of a model call. What the window has no room for is left out of a context that the call has in full. */
export function composeCall(agent: AgentVersion, position: Position, source: CallSource): CallInput {
  const { throughSeq, recovered } = position;
  const { fitted, found, entries, runs, schema, contributions = [] } = source;
  const { summary, omitted } = fitted;
  const record = { throughSeq, runs, ...(recovered === null ? {} : { recovered }) };
  const compose = (of: Pick<ContextSource, 'entries' | 'summary' | 'omitted' | 'continuation'>) =>
    composeContext(agent, { ...position, schema, contributions, ...of });
  const whole = (continuation?: Continuation): CallInput => ({
    context: compose({ entries: withDecisions(fitted.entries, entries), summary, omitted, continuation }),
    record: { ...record, ...fitted.record, ...(continuation ? { continuation: recordOf(continuation) } : {}) },
  });
  const begin = (rebuilt?: RebuildReason) => whole({ after: null, previous: null, keptTokens: 0, rebuilt });
  if (found === null) return whole();
  if (found.kind === 'begins') return begin(found.rebuilt ?? undefined);

  const { after, uncertain, usage } = found;
  const { model, ...previous } = found.conversation;
  const keptTokens = tokensOf(usage) ?? estimateInputTokens(requestOf(compose({ entries }), model));
  // A stored response never changes.
  const verify = uncertain && previous.kind === 'conversation';
  const continuation = { after, previous, verify, keptTokens };
  const { chosen: _, ...sinceSummary } = fitted.record;
  return {
    context: compose({ entries, continuation }),
    record: { ...record, ...sinceSummary, continuation: recordOf(continuation) },
    rebuild: begin,
  };
}

/** Whether a call was given only what its provider did not have. */
export function isContinued({ continuation }: ContextRecord): boolean {
  return continuation !== undefined && continuation.after !== null;
}

function recordOf({ after, keptTokens, rebuilt }: Continuation): NonNullable<ContextRecord['continuation']> {
  return { after, keptTokens, ...(rebuilt === undefined ? {} : { rebuilt }) };
}

/** The entries, each message as it is in `decided`. */
function withDecisions(
  entries: readonly TranscriptEntry[],
  decided: readonly TranscriptEntry[],
): readonly TranscriptEntry[] {
  if (entries === decided) return entries;
  const messages = new Map(decided.flatMap((entry) => (entry.role === 'user' ? [[entry.messageId, entry]] : [])));
  return entries.map((entry) => (entry.role === 'user' ? (messages.get(entry.messageId) ?? entry) : entry));
}

/** What the provider has after a reply: its input and its output. */
function tokensOf(usage: Usage | null): number | null {
  const { inputTokens = null, outputTokens = null } = usage ?? {};
  return inputTokens === null || outputTokens === null ? null : Math.min(inputTokens + outputTokens, MOST_TOKENS);
}
