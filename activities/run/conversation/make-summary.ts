import type { AgentVersion } from '../../../contracts/agent.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { summaryNote } from '../../../core/conversation/context-notes.ts';
import { contextUnits } from '../../../core/conversation/context-units.ts';
import type { ConversationWindow } from '../../../core/conversation/conversation-window.ts';
import { maxSummaryTokens, planSummary, type SummaryPlan } from '../../../core/conversation/plan-summary.ts';
import type { ResolvedWindow } from '../../../core/conversation/resolve-window.ts';
import type { ContextSummary } from '../../../core/conversation/summary.ts';
import { usdOf } from '../../../core/money/price.ts';
import type { ResolvedPolicy } from '../../../core/policy.ts';
import { publishAppended } from '../../../live/publish-appended.ts';
import { withOutputLimit, worstCaseOf } from '../../../models/bound-request.ts';
import { estimateInputTokens } from '../../../models/estimate-tokens.ts';
import { summaryRequest } from '../../../models/summary-request.ts';
import type { TokenCount } from '../../../models/token-meter.ts';
import { beginSummary } from '../../../store/summaries/begin-summary.ts';
import { commitSummary } from '../../../store/summaries/commit-summary.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { Permit } from '../../shared/provider-limiter.ts';
import { budgetsOf, callCost } from '../call-budget.ts';
import { callBesideSteps } from '../background/call-beside-steps.ts';
import { chargingIfRemoved } from '../charge-if-removed.ts';
import type { ContextCache } from './context-cache.ts';
import { estimateCall } from '../estimate-call.ts';

/** Tokens of the instructions for a summary, and of what is around the texts. */
const INSTRUCTIONS_TOKENS = 350;

/** A summary that is to be made, and the bounds of its call. */
export interface PlannedSummary extends SummaryPlan {
  readonly before: ContextSummary | null;
  readonly summaryTokens: number;
  readonly callCapacity: number;
  readonly maxOutputTokens: number;
  readonly count: TokenCount;
}

export interface PlanRequest {
  readonly conversation: Pick<ConversationWindow, 'runs' | 'background'>;
  readonly window: ResolvedWindow;
  readonly count: TokenCount;
  /** The most earlier runs in a context. */
  readonly runs: number;
  readonly agent: AgentVersion;
  /** The run that asks for a model call; null between runs. */
  readonly runId: string | null;
  /** Texts that the context has beside the conversation. */
  readonly others: readonly string[];
}

/** Plans the next summary of a conversation; null if none is due. */
export function planNextSummary(request: PlanRequest): PlannedSummary | null {
  const { conversation, window, count, runs, agent, runId, others } = request;
  const before = conversation.background?.summary ?? null;
  const { maxTokens, reserveTokens } = window;
  const capacity = maxTokens - reserveTokens - count.ofAgent(agent, null, others);
  const beforeTokens = before ? count.ofText(summaryNote(before.text)) : 0;
  const callCapacity = Math.max(1, maxTokens - reserveTokens - INSTRUCTIONS_TOKENS - beforeTokens);
  const plan = planSummary({
    units: contextUnits(conversation, count.ofEntry),
    runId,
    capacity,
    callCapacity,
    summaryTokens: beforeTokens,
    runs,
  });
  const summaryTokens = maxSummaryTokens(capacity, LIMITS.summaryTokens.value);
  return plan && { ...plan, before, summaryTokens, callCapacity, maxOutputTokens: reserveTokens, count };
}

export interface SummaryTask {
  readonly key: SessionKey;
  /** The newest run, with which the call is recorded. */
  readonly runId: string;
  readonly agent: AgentVersion;
  /** `provider/model`. */
  readonly model: string;
  readonly policy: ResolvedPolicy;
  readonly plan: PlannedSummary;
  /** When the session was created: see `ContextCache`. */
  readonly createdAt: string;
  readonly contexts: ContextCache;
  readonly signal: AbortSignal;
  /** Of the call, if it is not that of a step. */
  readonly permit?: Permit;
}

/**
 * Makes a summary by a model call, within the budgets, and commits it. Returns null if there is none: the call failed or was refused, or
 * another summary came first. Never rejects.
 */
export async function makeSummary(deps: ActivityDeps, task: SummaryTask): Promise<ContextSummary | null> {
  const { metrics } = deps.telemetry;
  const count = (outcome: string) => metrics.summaries.add({ agent: task.agent.spec.name, outcome });
  try {
    const made = await make(deps, task);
    count(made.outcome);
    return made.summary;
  } catch {
    // The store is away, or the session was removed: its removal has settled the call.
    count('failed');
    return null;
  }
}

interface Made {
  readonly outcome: 'made' | 'failed' | 'refused' | 'stopped' | 'superseded';
  readonly summary: ContextSummary | null;
}

async function make(deps: ActivityDeps, task: SummaryTask): Promise<Made> {
  const { key, runId, agent, model, policy, plan, createdAt, contexts } = task;
  const { before, units, summaryTokens, callCapacity, maxOutputTokens } = plan;
  const budgets = budgetsOf(deps);
  const { client, model: name } = deps.models.resolve(model);
  const entries = units.flatMap((unit) => unit.entries);
  const content = { before: before?.text ?? null, entries, summaryTokens, capacity: callCapacity, maxOutputTokens };
  const request = withOutputLimit(summaryRequest(name, content), budgets);
  const inputTokens = estimateInputTokens(request);
  const nothing = { text: '', reasoning: '' };
  const begun = await beginSummary(deps.db, key, {
    runId,
    model,
    since: before?.seq ?? 0,
    worst: worstCaseOf(deps, budgets, model, request),
    estimate: { ...callCost(deps, model, null), ...estimateCall(deps, model, inputTokens, nothing) },
    budgets,
    budget: policy.budget,
  });
  if (begun.kind === 'stale') return { outcome: 'superseded', summary: null };
  if (begun.kind === 'refused') return { outcome: 'refused', summary: null };
  const { attempt } = begun.call;
  const silenceMs = LIMITS.summaryMs.value;
  const { end, reply } = await callBesideSteps(deps, task, { client, request, inputTokens, silenceMs });
  const text = reply && reply.text.trim();
  const { throughRunId, throughSeq, throughStep } = plan;
  const range = { since: before?.seq ?? 0, throughRunId, throughSeq, throughStep, entries: entries.length };
  const summary = text === null ? null : { text: cutTo(text, summaryTokens, plan.count), ...range, model };
  const claimed = { key, position: { model, claimed: { modelCall: begun.call } } };
  const events = await chargingIfRemoved(deps, claimed, end.estimate ?? null, () =>
    commitSummary(deps.db, key, { runId, attempt, end, budgets, summary }),
  );
  contexts.append(key, createdAt, events);
  publishAppended(deps, key, events);
  if (end.cost.nanos !== null) {
    deps.telemetry.metrics.costUsd.add({ agent: agent.spec.name, model }, usdOf(end.cost.nanos));
  }
  const made = events.find((event): event is ContextSummary => event.type === 'context.summarized') ?? null;
  if (made) return { outcome: 'made', summary: made };
  if (text !== null) return { outcome: 'superseded', summary: null };
  return { outcome: end.outcome === 'stopped' ? 'stopped' : 'failed', summary: null };
}

/** The beginning of a text that has at most `tokens` tokens. */
function cutTo(text: string, tokens: number, count: TokenCount): string {
  let kept = text;
  for (let counted = count.ofText(kept); counted > tokens && kept.length > 1; counted = count.ofText(kept)) {
    kept = kept.slice(0, Math.floor((kept.length * tokens) / counted) - 1 || 1);
  }
  return kept.toWellFormed();
}
