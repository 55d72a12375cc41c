import { ApplicationFailure } from '@temporalio/activity';
import type { ContextRecord } from '../../../contracts/session/call-context.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import { summaryNote } from '../../../core/conversation/context-notes.ts';
import { contextUnits, type ContextUnit } from '../../../core/conversation/context-units.ts';
import type { ConversationWindow } from '../../../core/conversation/conversation-window.ts';
import { recoveryNote } from '../../../core/conversation/recovery-note.ts';
import { resolveWindow, type ResolvedWindow } from '../../../core/conversation/resolve-window.ts';
import {
  chosenUnits,
  countOmitted,
  selectContext,
  type ContextChoice,
} from '../../../core/conversation/select-context.ts';
import type { ContextSummary } from '../../../core/conversation/summary.ts';
import type { ResolvedPolicy } from '../../../core/policy.ts';
import type { TokenCount } from '../../../models/token-meter.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import { makeSummary, planNextSummary } from './make-summary.ts';
import type { StepTask } from '../step-task.ts';

/** What the context of a model call contains of its conversation. */
export interface FittedContext {
  readonly entries: readonly TranscriptEntry[];
  readonly summary: ContextSummary | null;
  /** Number of entries that are left out, although no summary stands for them. */
  readonly omitted: number;
  readonly record: Pick<ContextRecord, 'atSummary' | 'summary' | 'chosen'>;
}

export interface FitOptions {
  /** The most earlier runs in the context. */
  readonly runs: number;
  /** Whether a summary may be made in front of the call. */
  readonly maySummarise: boolean;
}

/** Tokens kept for the note that older messages are left out. */
const NOTE_TOKENS = 40;
/** After a summary failed, none is made in front of an answer for this time. */
const FAILED_MS = 60_000;

/**
 * Fits a conversation into the context window of the step's model. If it does not fit, a summary is made of the oldest messages,
 * or else they are left out. Throws `too_large` if the messages of the run itself do not fit.
 */
export async function fitContext(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  conversation: ConversationWindow,
  { runs, maySummarise }: FitOptions,
): Promise<FittedContext> {
  const { agent, position, runId } = task;
  const window = resolveWindow(agent.spec, deps.prices.contextTokensOf(position.model));
  if (!window) return everythingOf(conversation);
  const by = (count: TokenCount, shown = conversation) => fit(task, window, shown, count);
  const most = by(deps.tokens.most);
  if (most.choice && most.omitted === 0) return fitted(most, runId, conversation);
  const count = await deps.tokens.counts(position.model);
  const exact = by(count);
  if (!exact.choice) throw tooLarge(task, window, exact);
  if (exact.omitted === 0 || !window.summaries || !maySummarise) return fitted(exact, runId, conversation);
  const summary = await summarise(deps, task, policy, { conversation, window, count, runs });
  const { background } = conversation;
  if (!summary || !background) return fitted(exact, runId, conversation);
  const summarised = { ...conversation, background: { ...background, summary } };
  const after = by(count, summarised);
  return after.choice ? fitted(after, runId, summarised) : fitted(exact, runId, conversation);
}

interface Fit {
  readonly units: readonly ContextUnit[];
  /** Null if what must be in the context does not fit. */
  readonly choice: ContextChoice | null;
  readonly omitted: number;
  /** Tokens of the instructions, the tools and the schema. */
  readonly fixed: number;
  /** Tokens of what must be in the context; 0 if it fits. */
  readonly required: number;
}

function fit(task: StepTask, window: ResolvedWindow, conversation: ConversationWindow, count: TokenCount): Fit {
  const { agent, runId } = task;
  const units = contextUnits(conversation, count.ofEntry);
  const fixed = count.ofAgent(agent, conversation.output.schema, othersOf(task)) + summaryTokensOf(conversation, count);
  const select = (limit: number): Fit => {
    const selected = selectContext(units, runId, limit - fixed);
    if (selected.kind === 'tooLarge') return { units, choice: null, omitted: 0, fixed, required: selected.tokens };
    const choice = { newest: selected.newest, pinned: selected.pinned };
    return { units, choice, omitted: countOmitted(units, chosenUnits(units, runId, choice)), fixed, required: 0 };
  };
  const { maxTokens, reserveTokens, isSet } = window;
  const whole = select(isSet ? maxTokens - reserveTokens : maxTokens);
  return whole.choice && whole.omitted === 0 ? whole : select(maxTokens - reserveTokens - NOTE_TOKENS);
}

/** The texts of the context beside the agent's own and the conversation. */
function othersOf({ position, contributions }: StepTask): string[] {
  const contributed = contributions.flatMap(({ instructions = '', messages = [] }) => [
    instructions,
    ...messages.map(({ content }) => content),
  ]);
  return [recoveryNote(position.recovered), ...contributed];
}

function summaryTokensOf({ background }: ConversationWindow, count: TokenCount): number {
  return background?.summary ? count.ofText(summaryNote(background.summary.text)) : 0;
}

function fitted({ units, choice, omitted }: Fit, runId: string, { background }: ConversationWindow): FittedContext {
  const summary = background?.summary ?? null;
  const chosen = choice ? chosenUnits(units, runId, choice) : units;
  const isPart = background !== null || omitted > 0;
  return {
    entries: chosen.flatMap(({ entries }) => entries),
    summary,
    omitted,
    record: {
      ...(background ? { atSummary: true } : {}),
      ...(summary ? { summary: summary.seq } : {}),
      ...(isPart && choice ? { chosen: choice } : {}),
    },
  };
}

function everythingOf({ runs }: ConversationWindow): FittedContext {
  return { entries: runs.flatMap(({ entries }) => entries), summary: null, omitted: 0, record: {} };
}

interface FullWindow {
  readonly conversation: ConversationWindow;
  readonly window: ResolvedWindow;
  readonly count: TokenCount;
  readonly runs: number;
}

/** Makes a summary in front of the answer, unless one that is being made in the background comes first. */
async function summarise(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  full: FullWindow,
): Promise<ContextSummary | null> {
  const { serving, signal, position, agent, key, runId, contexts } = task;
  const made = await serving.summary;
  if (made) return made;
  if (serving.summaryFailedAtMs !== null && Date.now() - serving.summaryFailedAtMs < FAILED_MS) return null;
  const {
    model,
    conversation: { createdAt },
  } = position;
  const plan = planNextSummary({ ...full, agent, runId, others: othersOf(task) });
  const summary =
    plan && (await makeSummary(deps, { key, runId, agent, model, policy, plan, createdAt, contexts, signal }));
  signal.throwIfAborted();
  if (plan && !summary) serving.summaryFailedAtMs = Date.now();
  return summary;
}

function tooLarge(
  { position }: StepTask,
  { maxTokens, reserveTokens }: ResolvedWindow,
  { fixed, required }: Fit,
): ApplicationFailure {
  const left = Math.max(0, maxTokens - reserveTokens - NOTE_TOKENS - fixed);
  return ApplicationFailure.nonRetryable(
    `The messages of the run and its newest results need about ${required} tokens, but the context window of ${position.model} has room for ${left}: ${maxTokens} tokens, without ${reserveTokens} for the answer and ${fixed} for instructions, tools and summary. Send less at once, use a model with a larger window, or raise window.maxTokens.`,
    'too_large',
  );
}
