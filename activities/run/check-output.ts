import { ApplicationFailure } from '@temporalio/activity';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { RejectedAnswer } from '../../contracts/output/output.ts';
import { checkAnswer } from '../../core/output/check-answer.ts';
import type { OutputState } from '../../core/output/output-state.ts';
import type { ModelReply } from '../../models/model-client.ts';
import { schemaViolations } from '../../admission/schema-violations.ts';

/** What a reply is as a structured answer. Both are absent if none is asked for, and for a reply with tool calls. */
export interface CheckedOutput {
  readonly object?: JsonObject;
  readonly rejected?: RejectedAnswer;
}

/** Checks a reply that would complete its run against the schema of the run's message, or of its agent. */
export function checkOutput({ spec }: AgentVersion, output: OutputState, reply: ModelReply): CheckedOutput {
  const schema = output.schema ?? spec.output?.schema;
  if (!schema || reply.toolCalls.length > 0) return {};
  return checkAnswer(reply, output.repairs, (value) => schemaViolations(value, schema));
}

/** The failure that ends a run without a valid structured answer. Names no content. */
export function invalidOutput(): ApplicationFailure {
  const most = LIMITS.outputRepairs.value;
  return ApplicationFailure.create({
    type: 'invalid_output',
    message: `The model's answer does not match the schema (output), after at most ${most} repairs. The run's events contain each answer and what is wrong with it. Simplify the schema, describe its properties, or use another model; then resume the run or send the message again.`,
    nonRetryable: true,
    // Not a fault of the worker: reported to the user, not logged as a warning.
    category: 'BENIGN',
  });
}
