import { z } from 'zod';
import type { ApprovalContext } from '../../../agents/approvals/define-approval.ts';
import type { Tool } from '../../../agents/define-tool.ts';
import type { AgentVersion, ToolSpec } from '../../../contracts/agent.ts';
import type { Json } from '../../../contracts/json.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { outputSchemaProblem } from '../../../contracts/output/output-schema-problem.ts';
import { describeIssues } from '../../../core/text/describe-issues.ts';
import { joinProblems } from '../../../core/text/field-problem.ts';
import { decideVerdict, type EvaluatorDecision, type Verdict } from '../../../core/tools/decide-verdict.ts';
import { resolveApprovals } from '../../../core/tools/resolve-approvals.ts';
import type { CommittedCall } from '../../../store/steps/new-calls.ts';
import type { ActivityDeps } from '../../shared/deps.ts';
import type { EvaluatingRun } from '../../shared/evaluations.ts';
import { toolCode } from '../../shared/tool-code.ts';
import { timedDecision } from './timed-decision.ts';

const evaluationSchema = z.object({
  decision: z.enum(['approve', 'deny', 'pass']),
  confidence: z.number().min(0).max(1),
  reason: z.string().max(LIMITS.approvalReasonCharacters.value).optional(),
});

/** Whether calls of a tool may wait for an approval or a client. */
export function isJudged({ approval, client }: Pick<ToolSpec, 'approval' | 'client'>): boolean {
  return approval !== undefined || client !== undefined;
}

/**
 * Decides before a call is committed whether it is executed, refused, or waits for an approval or a client. `remembered`: an earlier
 * approval of the tool is.
 */
export async function judgeCall(
  deps: ActivityDeps,
  run: EvaluatingRun,
  call: CommittedCall,
  spec: ToolSpec,
  remembered: boolean,
): Promise<CommittedCall> {
  const tool = toolCode(deps, run.agent, call.tool);
  const parsed = tool
    ? await timedDecision(LIMITS.approvalPredicateMs.value, run.signal, () => parse(tool, call))
    : null;
  // Nobody is asked about a call that would fail.
  if (parsed?.problem !== undefined) return refused(call, `The arguments are not valid: ${parsed.problem}.`);
  const { threshold } = resolveApprovals(run.agent.spec.approvals);
  const decided = remembered
    ? { needed: null, evaluation: null }
    : await decide(deps, run, call, { spec, tool, parsed });
  const verdict = decideVerdict({ spec, remembered, threshold, ...decided });
  return applied(run, call, spec, tool, verdict);
}

interface Parsed {
  readonly data?: unknown;
  readonly problem?: string;
}

async function parse(tool: Tool, call: CommittedCall): Promise<Parsed> {
  const result = await tool.parameters.safeParseAsync(structuredClone(call.arguments));
  if (result.success) return { data: result.data };
  const given = { schema: tool.parameters, input: call.arguments, mayQuote: true } as const;
  return { problem: joinProblems(describeIssues(result.error.issues, given)) };
}

/** Calls the code that decides about a call, with limits of time. What fails or is missing is null. */
async function decide(
  deps: ActivityDeps,
  run: EvaluatingRun,
  { callId, arguments: args }: CommittedCall,
  { spec, tool, parsed }: { readonly spec: ToolSpec; readonly tool: Tool | undefined; readonly parsed: Parsed | null },
): Promise<{ readonly needed: boolean | null; readonly evaluation: EvaluatorDecision | null }> {
  const { key: session, runId, agent, signal: stop } = run;
  const { approval } = spec;
  const of = { session, agent: agent.spec.name, runId, callId, tool: spec.name };
  const context = (signal: AbortSignal): ApprovalContext => ({ ...of, signal });
  const given = (): Json => structuredClone(args);
  if (approval === 'auto') {
    const named = agent.spec.approvals?.evaluator;
    const evaluator = typeof named === 'string' ? deps.agents.approvalEvaluator?.(named, agent.hash) : named;
    const { name, description } = spec;
    const found = evaluator
      ? await timedDecision<unknown>(LIMITS.approvalEvaluatorMs.value, stop, (signal) =>
          'criteria' in evaluator
            ? deps.askEvaluator(run, evaluator, { tool: name, description, arguments: given() }, signal)
            : evaluator.evaluate(given(), context(signal)),
        )
      : null;
    return { needed: null, evaluation: evaluationSchema.safeParse(found).data ?? null };
  }
  const predicate = (): ((signal: AbortSignal) => unknown) | undefined => {
    if (typeof approval === 'object') {
      const named = deps.agents.approvalPredicate?.(approval.when, agent.hash);
      return named && ((signal) => named.when(given(), context(signal)));
    }
    const own = tool?.approval;
    return approval === 'function' && typeof own === 'function' && parsed
      ? (signal) => own(parsed.data, context(signal))
      : undefined;
  };
  const ask = predicate();
  const needed = ask ? await timedDecision(LIMITS.approvalPredicateMs.value, stop, ask) : null;
  return { needed: typeof needed === 'boolean' ? needed : null, evaluation: null };
}

function applied(
  { agent }: EvaluatingRun,
  call: CommittedCall,
  spec: ToolSpec,
  tool: Tool | undefined,
  verdict: Verdict,
): CommittedCall {
  const { expiresMs, threshold: _, ...settings } = resolveApprovals(agent.spec.approvals);
  switch (verdict.kind) {
    case 'run':
      return call;
    case 'refuse':
      return refused(call, verdict.error);
    case 'ask':
      return {
        ...call,
        inPlace: false,
        waits: { kind: 'approval', expiresMs, rules: { ...settings, schema: spec.parameters, ...definitionOf(spec) } },
      };
    case 'client': {
      const own = tool?.resultSchemaFor?.(call.arguments);
      const problem = own && own['type'] === 'object' ? outputSchemaProblem(own) : null;
      if (problem) return refused(call, `The schema is not valid: ${problem.message}.`);
      const schema = own ?? spec.client?.result ?? null;
      const waitMs = spec.client?.timeoutMs ?? expiresMs;
      return { ...call, inPlace: false, waits: { kind: 'client', expiresMs: waitMs, rules: { ...settings, schema } } };
    }
  }
}

/** The hashes of the definitions of MCP servers' tools, by the tools' names. */
export function definitionsIn({ tools }: AgentVersion): Record<string, string> {
  return Object.fromEntries(tools.flatMap(({ name, mcp }) => (mcp ? [[name, mcp.hash]] : [])));
}

function definitionOf({ mcp }: ToolSpec): { readonly definition?: string } {
  return mcp ? { definition: mcp.hash } : {};
}

function refused(call: CommittedCall, error: string): CommittedCall {
  const text = error.slice(0, LIMITS.toolErrorCharacters.value).replaceAll('\0', '\uFFFD').toWellFormed();
  return { ...call, refused: text, inPlace: false };
}
