import { z } from 'zod';
import { LIMITS } from '../../../contracts/limits.ts';
import type { OutputState } from '../../../core/output/output-state.ts';
import type { ModelReply } from '../../../models/model-client.ts';
import type { TranscriptEntry } from '../../../contracts/session/transcript.ts';
import type { AgentMiddleware } from '../../middleware/agent-middleware.ts';
import { checkOutput } from '../check-output.ts';
import { refusalResultSchema } from './decide-input.ts';
import { callStepHook, checkedResult, type HookedAttempt } from './step-hooks.ts';

/** The answer as output middleware has left it, or why it is refused. */
export type DecidedOutput =
  | { readonly reply: ModelReply; readonly changedBy: readonly string[] }
  | { readonly refused: string };

const text = z.string().refine((value) => Buffer.byteLength(value) <= LIMITS.outputBytes.value, 'is too large');
const resultSchema = z.union([z.undefined(), z.null(), z.strictObject({ text }), refusalResultSchema]);

/**
 * Has the `output` hooks decide on a reply that would complete its run, the innermost first. A reply with tool calls, and one
 * that does not match the schema of the answer, is left to the run.
 */
export async function decideOutput(
  attempt: HookedAttempt,
  middleware: readonly AgentMiddleware[],
  answer: { readonly reply: ModelReply; readonly output: OutputState; readonly entries: readonly TranscriptEntry[] },
): Promise<DecidedOutput> {
  const { runId, agent } = attempt.task;
  const messages = answer.entries.flatMap((entry) =>
    entry.role === 'user' && entry.runId === runId ? [{ id: entry.messageId, content: entry.content }] : [],
  );
  let { reply } = answer;
  const changedBy: string[] = [];
  for (const one of middleware.toReversed()) {
    const { name, output } = one;
    if (output === null || reply.toolCalls.length > 0) continue;
    const { object = null, rejected } = checkOutput(agent, answer.output, reply);
    if (rejected) break;
    const given = { messages, text: reply.text, object };
    const returned = await callStepHook(attempt, one, (call) => output({ ...call, ...given }));
    const result = checkedResult(one, resultSchema, returned ?? undefined, 'a decision');
    if (!result) continue;
    if ('refuse' in result) return { refused: result.refuse };
    if (result.text === reply.text) continue;
    reply = { ...reply, text: result.text };
    changedBy.push(name);
  }
  return { reply, changedBy };
}
