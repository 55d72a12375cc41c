import { inputPartsSchema, type InputPart } from '../../contracts/attachments/content-parts.ts';
import { agentToolArgumentsSchema } from '../../contracts/capabilities/agent-tool.ts';
import type { Json } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { describeIssues } from '../text/describe-issues.ts';
import { joinProblems } from '../text/field-problem.ts';

export type ChildTask =
  | { readonly content: string | InputPart[]; readonly problem?: never }
  /** Why the arguments are refused, for the model. */
  | { readonly problem: string };

/** The message that a call gives to its child. */
export function childTask(args: Json): ChildTask {
  const parsed = agentToolArgumentsSchema.safeParse(args);
  if (!parsed.success) return refuse(agentToolArgumentsSchema, parsed.error.issues, args);
  const { task, parts = [] } = parsed.data;
  const bytes = Buffer.byteLength(task);
  const limit = LIMITS.messageBytes.value;
  if (bytes > limit) return { problem: `task: has ${bytes} bytes; the limit is ${limit}; shorten it` };
  if (parts.length === 0) return { content: task };
  const input = [{ type: 'text', text: task }, ...parts];
  const content = inputPartsSchema.safeParse(input);
  return content.success ? { content: content.data } : refuse(inputPartsSchema, content.error.issues, input);
}

type Description = Parameters<typeof describeIssues>;

function refuse(schema: Description[1]['schema'], issues: Description[0], input: unknown): ChildTask {
  return { problem: joinProblems(describeIssues(issues, { schema, input })) };
}
