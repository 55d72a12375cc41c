import { PerdureError } from '../../contracts/errors.ts';
import { messageInputSchema, type MessageInput } from '../../contracts/session/message.ts';
import { sessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import type { AdmissionBudget } from '../../store/admission/admission.ts';
import { admitMessages as admitToStore, type Admitted } from '../../store/admission/admit-messages.ts';
import { refuseMessages } from '../../store/admission/refuse-messages.ts';
import type { AdmitInput, AdmitOutput, Delivery, Verdict } from '../shared/contract.ts';
import { budgetsOf, minimumReservation } from '../run/call-budget.ts';
import { callingSession } from '../shared/calling-session.ts';
import { parse } from '../shared/command-failure.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { dueInMs } from './session-life.ts';
import { tellEvicted } from './tell-evicted.ts';

type Parsed =
  | { readonly message: MessageInput & { id: string } }
  | { readonly refusal: Extract<Verdict, { ok: false }> };

/** Validates each delivery, asks the store for the rest, and records the refusal of what has no sender to tell. */
export async function admitMessages(deps: ActivityDeps, input: AdmitInput): Promise<AdmitOutput> {
  const { db, agents, deployment, telemetry } = deps;
  const { key, kind } = callingSession();
  const parsed = input.deliveries.map(parseDelivery);
  const messages = parsed.flatMap((one) => ('message' in one ? [one.message] : []));
  const admission = await admitToStore(db, key, {
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
  tellEvicted(deps, admission.evicted);
  const results = admission.results.values();
  const verdicts = parsed.map((one) => ('refusal' in one ? one.refusal : verdictOf(results.next().value)));
  for (const verdict of verdicts) {
    if (!verdict.ok) telemetry.events.countMessage(key, verdict.code);
    else if (verdict.duplicate) telemetry.events.countMessage(key, 'duplicate');
  }
  await recordRefusals(deps, key, input.deliveries, verdicts);
  // Told once to each execution: what comes later only makes a session live longer.
  const session = admission.session && factsOf(deps, admission.session, input.execution !== null);
  return { session, verdicts, openRuns: admission.openRuns };
}

function factsOf(
  deps: ActivityDeps,
  session: NonNullable<Admitted['session']>,
  withLife: boolean,
): NonNullable<AdmitOutput['session']> {
  const { status, agent } = session;
  return { status, agent, ...(withLife ? { dueInMs: dueInMs(deps, session) } : {}) };
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

function parseDelivery({ input, via, fallbackId }: Delivery): Parsed {
  if (via === 'unknown-signal') {
    return {
      refusal: refusalOf('invalid_request', `There is no signal ${JSON.stringify(String(input).slice(0, 100))}.`),
    };
  }
  try {
    const message = parse(messageInputSchema, input);
    return { message: { ...message, id: message.id ?? fallbackId } };
  } catch (error) {
    if (error instanceof PerdureError) return { refusal: refusalOf(error.code, error.message) };
    throw error;
  }
}

function refusalOf(code: PerdureError['code'], detail: string): Extract<Verdict, { ok: false }> {
  return { ok: false, code, detail, retryAfterMs: null };
}

function verdictOf(result: Verdict | undefined): Verdict {
  if (!result) throw new Error('The store answered fewer messages than it was asked about.');
  return result;
}

async function recordRefusals(
  deps: Pick<ActivityDeps, 'db' | 'live' | 'commits'>,
  key: SessionKey,
  deliveries: readonly Delivery[],
  verdicts: readonly Verdict[],
): Promise<void> {
  const refusals = verdicts.flatMap((verdict, index) => {
    const delivery = deliveries[index];
    if (verdict.ok || !delivery || delivery.via === 'update') return [];
    const { code, detail } = verdict;
    return [{ messageId: idIn(delivery.input), code, detail, dedupe: delivery.fallbackId }];
  });
  if (refusals.length > 0) publishAppended(deps, key, (await refuseMessages(deps.db, key, refusals)).events);
}

function idIn(input: unknown): string | null {
  const parsed = messageInputSchema.shape.id.safeParse((input as { id?: unknown } | null)?.id);
  return parsed.success ? (parsed.data ?? null) : null;
}
