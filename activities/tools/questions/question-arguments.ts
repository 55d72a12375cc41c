import type { AgentVersion } from '../../../contracts/agent.ts';
import type { JsonObject } from '../../../contracts/json.ts';
import { resolveApprovals } from '../../../core/tools/resolve-approvals.ts';
import { accepted, type McpAnswer, type McpQuestion } from '../../../mcp/elicitation.ts';
import type { WaitingCall } from '../../../store/items/request-item.ts';
import type { RecordedQuestion } from '../../../store/runs/questions/read-questions.ts';

/** The tool that asks the user. */
export const ASK_USER = 'ask_user';

/** A question of a server as arguments of {@link ASK_USER}. */
export function argumentsOf(server: string, { message, schema }: McpQuestion): JsonObject {
  return { question: message, schema, server };
}

/** What a question waits for: who may answer, and until when, are the agent's settings of approvals. */
export function waitOf(
  { spec }: AgentVersion,
  { schema }: McpQuestion,
  mostMs = Number.POSITIVE_INFINITY,
): WaitingCall {
  const { expiresMs, threshold: _, ...settings } = resolveApprovals(spec.approvals);
  return { kind: 'client', expiresMs: Math.min(expiresMs, mostMs), rules: { ...settings, schema } };
}

/** What the server is told of a question that is over. Without an answer, also one that expired or failed, it is `cancel`. */
export function answerOf({ call, item }: RecordedQuestion): McpAnswer {
  if (call.status === 'completed') return accepted(call.result);
  return { action: item.decision === 'decline' ? 'decline' : 'cancel' };
}
