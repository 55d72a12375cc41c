import { z } from 'zod';
import type { ProviderCall, ProviderReply } from '../../../agents/context/context-provider.ts';
import { ToolError } from '../../../agents/define-tool.ts';
import { jsonObjectSchema } from '../../../contracts/json-schema.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { checkAnswer } from '../../../core/output/check-answer.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../../core/policy.ts';
import type { ModelReply, ModelRequest } from '../../../models/model-client.ts';
import type { AnsweredRunRow } from '../../../store/context/read-answered-run.ts';
import { schemaViolations } from '../../../admission/schema-violations.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { ContextRun } from '../../context/context-run.ts';
import { recordedCall } from './recorded-call.ts';

const callSchema = z.strictObject({
  model: z.string().min(1).max(200).optional(),
  instructions: z.string(),
  messages: z.array(z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string() })).min(1),
  schema: jsonObjectSchema.optional(),
  maxOutputTokens: z.number().int().min(1).optional(),
});

interface Generating {
  readonly deps: ActivityDeps;
  readonly run: ContextRun;
  readonly policy: ResolvedPolicy;
  /** `provider/model`. */
  readonly model: string;
  readonly signal: AbortSignal;
  /** Throws once the attempt has made as many calls as it may. */
  readonly count: () => void;
}

/** Returns the function by which one attempt of `afterRun` calls models: each call is recorded with the run, and charged to it. */
export function generateFor(
  deps: ActivityDeps,
  run: ContextRun,
  row: Pick<AnsweredRunRow, 'model' | 'policy'>,
): (call: ProviderCall, signal: AbortSignal) => Promise<ProviderReply> {
  const policy = resolvePolicy(deps.deployment.policy, run.agent.spec.policy, row.policy);
  let calls = 0;
  const count = (): void => {
    const most = LIMITS.contextCalls.value;
    if (calls >= most) throw final(`An attempt may make ${most} model calls; call \`generate\` less often.`);
    calls += 1;
  };
  return async (given, signal) => {
    const parsed = callSchema.safeParse(given);
    if (!parsed.success) {
      const fields = parsed.error.issues.map(({ path }) => path.join('.') || 'call');
      throw final(`The call of \`generate\` is not valid: check ${[...new Set(fields)].join(', ')}.`);
    }
    const call = parsed.data;
    const model = call.model ?? row.model ?? deps.models.defaultModel;
    return await generate({ deps, run, policy, model, signal, count }, call);
  };
}

/** Calls a model, and again while its reply does not match the schema and may be repaired. */
async function generate(
  task: Generating,
  { instructions, messages, schema, maxOutputTokens }: z.output<typeof callSchema>,
): Promise<ProviderReply> {
  let conversation: ModelRequest['messages'] = messages.map(({ role, content }) =>
    role === 'user' ? { role, content } : { role, content, toolCalls: [] },
  );
  for (let repairs = 0; ;) {
    const reply = await callOnce(task, {
      model: '',
      instructions,
      messages: conversation,
      tools: [],
      toolChoice: 'none',
      temperature: null,
      maxOutputTokens: maxOutputTokens ?? null,
      reasoningEffort: null,
      ...(schema ? { outputSchema: schema } : {}),
      stream: false,
    });
    const { text } = reply;
    if (!schema) return { text, object: null };
    const checked = checkAnswer(reply, repairs, (value) => schemaViolations(value, schema));
    if ('object' in checked) return { text, object: checked.object };
    const { repair, feedback } = checked.rejected;
    if (repair === null) throw retryable(`The reply of ${task.model} does not match the schema.`);
    repairs = repair;
    conversation = [
      ...conversation,
      { role: 'assistant', content: text, toolCalls: [] },
      { role: 'user', content: feedback },
    ];
  }
}

async function callOnce(
  { deps, run, policy, model, signal, count }: Generating,
  given: ModelRequest,
): Promise<ModelReply> {
  const { key, runId, agent } = run;
  count();
  const call = { key, runId, agent: agent.spec.name, policy, model, signal, kind: 'context' } as const;
  const maxWaitMs = policy.whenProviderDown === 'fail' ? 0 : policy.maxWaitMs;
  const made = await recordedCall(deps, { ...call, maxWaitMs, silenceMs: LIMITS.contextCallMs.value }, given);
  switch (made.kind) {
    case 'replied':
      return made.reply;
    case 'refused':
      throw final('A budget has no room for the model call.');
    case 'unavailable':
      throw retryable(made.message);
    case 'failed':
      throw retryable(`The model ${model} gave no reply (${made.code}).`);
  }
}

function retryable(message: string): ToolError {
  return new ToolError(message, { retryable: true });
}

function final(message: string): ToolError {
  return new ToolError(message);
}
