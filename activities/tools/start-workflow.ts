import { z } from 'zod';
import { ToolError } from '../../agents/define-tool.ts';
import type { StartWorkflow } from '../../agents/start-workflow.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { recordChild, recordEndedChildren } from '../../store/sessions/children.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { toolJson } from './tool-json.ts';

interface Caller {
  readonly session: SessionKey;
  /** The id of the session's workflow. */
  readonly workflowId: string;
  readonly runId: string;
  readonly tool: string;
  readonly idempotencyKey: string;
}

const text = z.string().min(1).max(1_000);
const optionsSchema = z.strictObject({
  type: text,
  taskQueue: text,
  args: z.array(z.unknown()).optional(),
  name: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"')
    .optional(),
  timeoutMs: z.number().int().min(1).optional(),
  onSessionEnd: z.enum(['cancel', 'leave']).optional(),
});

/** Creates the `startWorkflow` of one attempt of a tool call. */
export function startWorkflowFor(
  { db, workflows }: Pick<ActivityDeps, 'db' | 'workflows'>,
  { session, workflowId: parentId, runId, tool, idempotencyKey }: Caller,
): StartWorkflow {
  const used = new Set<string>();
  return async (type, options) => {
    const { taskQueue, args, name = '', timeoutMs, onSessionEnd = 'leave' } = checked(type, options);
    if (used.has(name)) {
      throw new ToolError(
        `This call has already started a workflow ${name === '' ? 'without a name' : `named ${JSON.stringify(name)}`}. Give each workflow a distinct name: startWorkflow(type, { name, … }).`,
      );
    }
    used.add(name);
    // The key is a hash of user, session, run and call, so no other call's workflow can have this id.
    const workflowId = `child-${idempotencyKey}${name === '' ? '' : `-${name}`}`;
    const child = { workflowId, type, taskQueue, runId, tool, onSessionEnd };
    const { recorded, open } = await recordChild(db, session, child);
    if (!recorded) {
      await recordEndedChildren(db, session, await workflows.ended(open));
      if (!(await recordChild(db, session, child)).recorded) throw tooMany();
    }
    const startedBy = { session: parentId, run: runId, tool };
    return await workflows.start({ workflowId, type, taskQueue, args: args ?? [], timeoutMs, startedBy });
  };
}

function checked(type: string, options: Parameters<StartWorkflow>[1]): z.infer<typeof optionsSchema> {
  const input = { ...options, type };
  const parsed = optionsSchema.safeParse(input);
  if (!parsed.success) {
    const problems = joinProblems(describeIssues(parsed.error.issues, { schema: optionsSchema, input }));
    throw new ToolError(`The workflow ${JSON.stringify(type)} cannot be started: ${problems}.`);
  }
  const json = toolJson(parsed.data.args ?? [], LIMITS.childArgumentsBytes.value);
  if ('value' in json) return parsed.data;
  const remedy = json.isTooLarge ? ' Pass a reference instead.' : '';
  throw new ToolError(`The arguments of the workflow ${JSON.stringify(type)} are ${json.problem}${remedy}`);
}

function tooMany(): ToolError {
  const limit = LIMITS.childWorkflows.value;
  return new ToolError(
    `Tools of this session have ${limit} workflows running, which is the limit. Wait until one has ended.`,
  );
}
