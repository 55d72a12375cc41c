import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { RebuildReason } from '../../contracts/session/run.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { estimateInputTokens } from '../../models/estimate-tokens.ts';
import { ModelError, type ModelClient, type ModelRequest } from '../../models/model-client.ts';
import { requestOf, type ModelContext } from '../../models/model-context.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { loadAttachments } from '../shared/load-attachments.ts';
import type { CallInput } from './conversation/compose-call.ts';
import { reserveBudget } from './reserve-budget.ts';
import type { StepTask } from './step-task.ts';

/** A request that is ready to be sent. */
export interface PreparedCall {
  readonly client: ModelClient;
  readonly request: ModelRequest;
  /** Estimated. */
  readonly inputTokens: number;
  readonly record: ContextRecord;
}

/** A model call whose budget is reserved. */
export interface ReservedCall extends PreparedCall {
  /** The call with the whole context, if the provider did not continue the conversation by this error; null for another error. */
  readonly rebuild?: (error: ModelError) => CallToPrepare | null;
}

/** A call whose attachments are not read yet. */
export interface CallToPrepare {
  readonly context: ModelContext;
  /** Reads the attachments, for which there must be memory. Resolves to null when another attempt has the step. */
  readonly prepare: () => Promise<ReservedCall | null>;
}

/** Reads the attachments of a call and reserves its budget. Returns null when another attempt has the step. */
export async function prepareCall(
  deps: ActivityDeps,
  task: StepTask,
  policy: ResolvedPolicy,
  { context, record, rebuild }: CallInput,
): Promise<ReservedCall | null> {
  const { key, position } = task;
  const { client, model } = deps.models.resolve(position.model);
  requireKeeping(task, client, context);
  const load = (of: ModelContext) => loadAttachments(deps, key.user, position.model, requestOf(of, model));
  const request = await load(context);
  const inputTokens = estimateInputTokens(request);
  const whole = rebuild && (() => requestOf(rebuild('lost').context, model));
  const reserved = await reserveBudget(deps, task, policy, { request, inputTokens, whole });
  if (!reserved) return null;
  const { maxOutputTokens } = reserved;
  const isLimited = maxOutputTokens !== null && maxOutputTokens !== request.maxOutputTokens;
  const withLimit = (of: ContextRecord): ContextRecord => (isLimited ? { ...of, maxOutputTokens } : of);
  const prepared = { client, request: reserved, inputTokens, record: withLimit(record) };
  if (!rebuild) return prepared;
  return {
    ...prepared,
    rebuild: (error) => {
      const reason = reasonToRebuild(error);
      if (reason === null) return null;
      const input = rebuild(reason);
      const prepare = async () => {
        const built = { ...(await load(input.context)), maxOutputTokens };
        return { client, request: built, inputTokens: estimateInputTokens(built), record: withLimit(input.record) };
      };
      return { context: input.context, prepare };
    },
  };
}

/** Null for an error that the whole context would not avoid, and where the call may have cost something. */
export function reasonToRebuild({ reason, mayCost }: ModelError): RebuildReason | null {
  if (reason === 'conversation_lost') return 'lost';
  if (reason === 'conversation_unsettled') return 'unsettled';
  return reason === 'too_large' && !mayCost ? 'too_large' : null;
}

/** Throws a ModelError for a call that continues a conversation, or begins one, with a provider that keeps none. */
export function requireKeeping(
  { agent, position }: StepTask,
  { keepsConversations, provider }: ModelClient,
  { conversation }: Pick<ModelRequest, 'conversation'>,
): void {
  if (!conversation || keepsConversations) return;
  throw new ModelError(
    'invalid_request',
    `The agent ${agent.spec.name} sets history: service, but the provider ${provider} (model ${position.model}) does not keep conversations. Use a provider with the Responses API (openai-responses, or providers.NAME.api: responses), or set history: true.`,
    { retryable: false, unsent: true },
  );
}
