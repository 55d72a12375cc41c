import type { Json, JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { RunError, RunStatus } from '../../contracts/session/run.ts';

/** What is known of a child's run at its end. */
export interface EndedChild {
  readonly agent: string;
  readonly status: RunStatus;
  readonly output: string | null;
  readonly object: JsonObject | null;
  readonly error: RunError | null;
}

/** The result of a call whose child has ended: its answer, or why there is none, which the model is given. Null: its run was deleted. */
export function childOutcome(
  agent: string,
  child: EndedChild | null,
): { readonly status: 'completed'; readonly result: Json } | { readonly status: 'failed'; readonly error: string } {
  if (child === null) return failed(`The run of the agent ${agent} was deleted.`);
  if (child.status === 'completed') return { status: 'completed', result: child.object ?? textOf(child.output ?? '') };
  if (child.error === null) return failed(`The run of the agent ${agent} was cancelled.`);
  return failed(`The agent ${agent} failed (${child.error.code}): ${child.error.detail}`);
}

function failed(error: string): { readonly status: 'failed'; readonly error: string } {
  const limit = LIMITS.toolErrorCharacters.value;
  return { status: 'failed', error: error.length > limit ? `${error.slice(0, limit - 1)}…` : error };
}

/** An answer that is longer than the result of a tool may be is cut. */
function textOf(answer: string): string {
  const limit = LIMITS.toolResultBytes.value;
  if (JSON.stringify(answer).length * 3 <= limit || Buffer.byteLength(JSON.stringify(answer)) <= limit) return answer;
  return `${answer.slice(0, Math.floor(limit / 6))}… [cut: the answer has ${answer.length} characters]`;
}
