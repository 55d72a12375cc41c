import { messageInputSchema } from '../../contracts/session/message.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import type { AdmissionBudget } from '../../store/admission/admission-request.ts';
import { commitAdmissions, type CommittedAdmissions } from '../../store/admission/commit-admissions.ts';
import { appendRefusals } from '../../store/admission/append-refusals.ts';
import type { AdmissionVerdict, AdmitInput, AdmitOutput, MessageDelivery } from '../shared/contract.ts';
import { budgetsOf, minimumReservation } from '../run/call-budget.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { dueInMs } from './expire-session.ts';
import { notifyEvicted } from './notify-evicted.ts';
import { validateDelivery } from './validate-delivery.ts';

/** Validates each delivery, admits the valid ones to the store, and records the refusals of signals. */
export async function admitMessages(deps: ActivityDeps, input: AdmitInput): Promise<AdmitOutput> {
  const { db, agents, deployment, telemetry } = deps;
  const { key, kind } = callingSession();
  const parsed = input.deliveries.map(validateDelivery);
  const messages = parsed.flatMap((one) => ('message' in one ? [one.message] : []));
  const admission = await commitAdmissions(db, key, {
    messages,
    kind,
    execution: input.execution,
    defaultAgent: agents.defaultAgent,
    knowsAgent: (name) => agents.agent(name) !== undefined,
    limits: sessionLimits(deployment.limits),
    budget: admissionBudget(deps),
    defaultWhileRunning: (name) => resolvePolicy(deployment.policy, agents.agent(name)?.spec.policy).whileRunning,
  });
  if (admission.session) telemetry.events.setAgent(key, admission.session.agent);
  publishAppended(deps, key, admission.events);
  notifyEvicted(deps, admission.evicted);
  const results = admission.results.values();
  const verdicts = parsed.map((one) => ('refusal' in one ? one.refusal : requireResult(results.next().value)));
  for (const verdict of verdicts) {
    if (!verdict.ok) telemetry.events.countMessage(key, verdict.code);
    else if (verdict.duplicate) telemetry.events.countMessage(key, 'duplicate');
  }
  await recordRefusals(deps, key, input.deliveries, verdicts);
  // Reported once to each execution: every later message only postpones the expiry.
  const session = admission.session && sessionInfo(deps, admission.session, input.execution !== null);
  return { session, verdicts, openRuns: admission.openRuns };
}

function sessionInfo(
  deps: ActivityDeps,
  session: NonNullable<CommittedAdmissions['session']>,
  withExpiry: boolean,
): NonNullable<AdmitOutput['session']> {
  const { status, agent } = session;
  return { status, agent, ...(withExpiry ? { dueInMs: dueInMs(deps, session) } : {}) };
}

function admissionBudget(deps: ActivityDeps): AdmissionBudget {
  const { agents, deployment, models } = deps;
  return {
    budgets: budgetsOf(deps),
    budgetOf: (name, session) => resolvePolicy(deployment.policy, agents.agent(name)?.spec.policy, session).budget,
    leastOf: (name, content) => {
      const agent = agents.agent(name);
      return agent
        ? { model: agent.spec.model ?? models.defaultModel, ...minimumReservation(deps, agent, content) }
        : null;
    },
  };
}

function requireResult(result: AdmissionVerdict | undefined): AdmissionVerdict {
  if (!result) throw new Error('The store returned fewer results than it was given messages.');
  return result;
}

async function recordRefusals(
  deps: Pick<ActivityDeps, 'db' | 'live' | 'commits'>,
  key: SessionKey,
  deliveries: readonly MessageDelivery[],
  verdicts: readonly AdmissionVerdict[],
): Promise<void> {
  const refusals = verdicts.flatMap((verdict, index) => {
    const delivery = deliveries[index];
    if (verdict.ok || !delivery || delivery.via === 'update') return [];
    const { code, detail } = verdict;
    return [{ messageId: idIn(delivery.input), code, detail, dedupe: delivery.fallbackId }];
  });
  if (refusals.length > 0) publishAppended(deps, key, (await appendRefusals(deps.db, key, refusals)).events);
}

function idIn(input: unknown): string | null {
  const parsed = messageInputSchema.shape.id.safeParse((input as { id?: unknown } | null)?.id);
  return parsed.success ? (parsed.data ?? null) : null;
}
