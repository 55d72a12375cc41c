import type { SessionKey } from '../contracts/session/session-key.ts';
import type { MessageInput } from '../contracts/session/message.ts';
import { sessionLimits } from '../contracts/session/session-limits.ts';
import { describePause } from '../core/pauses/describe-pause.ts';
import { refusingPause } from '../core/pauses/find-pause.ts';
import { resolvePolicy } from '../core/policy.ts';
import { publishAppended } from '../live/publish-appended.ts';
import type { AdmissionDecision, AdmissionRequest } from '../store/admission/admission-request.ts';
import { commitAdmissions } from '../store/admission/commit-admissions.ts';
import type { CommittedAdmissions } from '../store/admission/committed-admissions.ts';
import { admissionBudget } from './admission-budget.ts';
import type { AdmissionDeps } from './admission-deps.ts';
import { knownAgents } from './known-agents.ts';
import { contentCheck } from './content-check.ts';
import { notifyEvicted } from './notify-evicted.ts';
import { resolveContent } from './resolve-content.ts';

/** Valid messages to one session, and who admits them. */
export interface Admission extends Pick<AdmissionRequest, 'kind' | 'execution' | 'beforeWorkflow' | 'traceparent'> {
  readonly messages: readonly (MessageInput & { readonly id: string })[];
}

/** Decides about messages and commits the accepted ones in one transaction; then publishes their events and counts them. */
export async function admit(deps: AdmissionDeps, key: SessionKey, admission: Admission): Promise<CommittedAdmissions> {
  const { db, agents, deployment, telemetry } = deps;
  const named = admission.messages.map(({ agent }) => agent);
  const admitted = await commitAdmissions(db, key, {
    ...admission,
    messages: await resolveContent(deps, key.user, admission.messages),
    contentProblem: contentCheck(deps),
    defaultAgent: agents.defaultAgent,
    knowsAgent: await knownAgents(deps, named),
    limits: sessionLimits(deployment.limits),
    budget: admissionBudget(deps),
    pausedFor: (agent) => {
      const pause = refusingPause(deps.pauses.current, key.user, agent);
      return pause && describePause(pause);
    },
    defaultWhileRunning: (name) => resolvePolicy(deployment.policy, agents.agent(name)?.spec.policy).whileRunning,
  });
  if (admitted.session) telemetry.events.setAgent(key, admitted.session.agent);
  publishAppended(deps, key, admitted.events);
  notifyEvicted(deps, admitted.evicted);
  // Of a repeated message, and of a request for the open runs, there is no event. An earlier notification may have been lost.
  const isRepeated = admitted.results.some((result) => result.ok && result.duplicate && result.run !== null);
  if (admitted.served && (isRepeated || (admitted.openRuns ?? []).length > 0))
    deps.live.publish(key, { kind: 'serving', serving: 'look' });
  for (const result of admitted.results) countWithoutEvent(deps, key, result);
  return admitted;
}

/** Counts a message whose admission has appended no event: a refusal, or a duplicate. */
export function countWithoutEvent(
  { telemetry }: Pick<AdmissionDeps, 'telemetry'>,
  key: SessionKey,
  decision: AdmissionDecision,
): void {
  if (!decision.ok) telemetry.events.countMessage(key, decision.code);
  else if (decision.duplicate) telemetry.events.countMessage(key, 'duplicate');
}
