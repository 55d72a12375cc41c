import { admit, countWithoutEvent } from '../../admission/admit.ts';
import { messageInputSchema } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import type { CommittedAdmissions } from '../../store/admission/committed-admissions.ts';
import { appendRefusals } from '../../store/admission/append-refusals.ts';
import type { AdmissionVerdict, AdmitInput, AdmitOutput, MessageDelivery } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { dueInMs } from './expire-session.ts';
import { validateDelivery } from './validate-delivery.ts';

/**
 * Validates each delivery, admits the valid ones to the store, and records the refusals of signals. Without deliveries it only
 * loads the session: its status and its open runs.
 */
export async function admitMessages(deps: ActivityDeps, input: AdmitInput): Promise<AdmitOutput> {
  const { key, kind } = callingSession();
  const parsed = input.deliveries.map(validateDelivery);
  const messages = parsed.flatMap((one) => ('message' in one ? [one.message] : []));
  const { defaultModel } = deps.models;
  const admission = await admit({ ...deps, defaultModel }, key, { messages, kind, execution: input.execution });
  const { isHeld } = admission.openBefore;
  const results = admission.results.map((result) => (isHeld ? withoutHeld(result) : result)).values();
  const verdicts = parsed.map((one) => ('refusal' in one ? one.refusal : requireResult(results.next().value)));
  for (const one of parsed) if ('refusal' in one) countWithoutEvent(deps, key, one.refusal);
  await recordRefusals(deps, key, input.deliveries, verdicts);
  // Reported once to each execution: every later message only postpones the expiry.
  const session = admission.session && sessionInfo(deps, admission.session, input.execution !== null);
  const { openRuns, served, epoch } = admission;
  return { session, verdicts, openRuns, ...(served ? { served } : {}), epoch };
}

function sessionInfo(
  deps: ActivityDeps,
  session: NonNullable<CommittedAdmissions['session']>,
  withExpiry: boolean,
): NonNullable<AdmitOutput['session']> {
  const { status, agent } = session;
  return { status, agent, ...(withExpiry ? { dueInMs: dueInMs(deps, session) } : {}) };
}

/** A run behind one that waits for an answer has no work: the activity that serves the session after the answer finds it in the store. */
function withoutHeld(result: AdmissionVerdict): AdmissionVerdict {
  return result.ok && result.run?.urgent === false ? { ...result, run: null } : result;
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
