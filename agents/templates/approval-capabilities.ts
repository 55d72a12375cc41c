import type { AgentSpec } from '../../contracts/agent.ts';
import { toolNameOf, type ModelEvaluator } from '../../contracts/approvals/approval-settings.ts';
import { suggestName } from '../../core/text/closest-name.ts';
import { fieldProblem, type FieldProblem } from '../../core/text/field-problem.ts';
import { criteriaFor } from '../../core/tools/evaluator-criteria.ts';
import type { ApprovalEvaluator, ApprovalPredicate } from '../approvals/define-approval.ts';
import type { Tool } from '../define-tool.ts';
import { NamedCapabilities } from './named-capabilities.ts';
import type { TemplateProblem } from './template-error.ts';
import { problemIn, type Template } from './template-file.ts';

/** The predicates and evaluators that agents may name. */
export interface ApprovalCapabilities {
  readonly predicates: NamedCapabilities<ApprovalPredicate>;
  readonly evaluators: NamedCapabilities<ApprovalEvaluator>;
}

export function approvalCapabilities(): ApprovalCapabilities {
  return {
    predicates: new NamedCapabilities(
      { field: 'approvals', singular: 'approval predicate', plural: 'approval predicates' },
      [],
    ),
    evaluators: new NamedCapabilities(
      { field: 'approvals', singular: 'approval evaluator', plural: 'approval evaluators' },
      [],
    ),
  };
}

/** Checks the approvals of an agent's tools: that predicates and evaluators exist, and that clients execute the tools that they are to execute. */
export function checkApprovals(
  { predicates, evaluators }: ApprovalCapabilities,
  template: Template,
  tools: ReadonlyMap<string, Tool>,
): readonly TemplateProblem[] {
  const { spec } = template.agent;
  const evaluator = spec.approvals?.evaluator;
  const problems = (spec.tools ?? []).flatMap((ref, at) => {
    if (typeof ref === 'string') return [];
    const name = toolNameOf(ref);
    const tool = tools.get(name);
    if (tool === undefined) return [];
    if ('client' in ref) {
      const message = `the tool "${name}" has code, so no client executes it; list it as ${name}, or define it with defineClientTool`;
      return tool.client ? [] : [fieldProblem(['tools', at, 'client'], message)];
    }
    const path = ['tools', at, 'approval'];
    const { approval = 'never' } = ref;
    if (approval === 'never') return [];
    if (tool.client) {
      return [
        fieldProblem(path, `the tool "${name}" is executed by a client, which decides itself; remove the approval`),
      ];
    }
    if (approval === 'auto' && evaluator === undefined) {
      return [fieldProblem(path, 'is "auto", but the agent names no evaluator; set approvals.evaluator')];
    }
    if (typeof approval === 'string' || predicates.get(approval.when)) return [];
    const known = suggestName(approval.when, predicates.names(), 'approval predicates');
    return [fieldProblem([...path, 'when'], `unknown approval predicate "${approval.when}"; ${known}`)];
  });
  for (const { server, approval } of spec.mcp ?? []) {
    const path = ['mcp', server, 'approval'];
    if (approval === 'auto' && evaluator === undefined) {
      const message = 'is "auto", but the agent names no evaluator; set approvals.evaluator';
      problems.push(fieldProblem(path, message));
    }
    if (typeof approval === 'object' && !predicates.get(approval.when)) {
      const known = suggestName(approval.when, predicates.names(), 'approval predicates');
      problems.push(fieldProblem(path, `unknown approval predicate "${approval.when}"; ${known}`));
    }
  }
  if (typeof evaluator === 'string' && !evaluators.get(evaluator)) {
    const known = suggestName(evaluator, evaluators.names(), 'approval evaluators');
    problems.push(fieldProblem(['approvals', 'evaluator'], `unknown approval evaluator "${evaluator}"; ${known}`));
  }
  problems.push(...criteriaProblems(spec, typeof evaluator === 'string' ? evaluators.get(evaluator) : evaluator));
  return problems.map((problem) => problemIn(template, problem));
}

/** Tools whose approval is `auto` and for which a model has no criteria. A person would be asked about each of their calls. */
function criteriaProblems(
  { tools = [] }: AgentSpec,
  evaluator: ApprovalEvaluator | ModelEvaluator | undefined,
): FieldProblem[] {
  if (!evaluator || !('criteria' in evaluator)) return [];
  const { criteria } = evaluator;
  return tools.flatMap((ref, at) => {
    const isAuto = typeof ref !== 'string' && 'approval' in ref && ref.approval === 'auto';
    if (!isAuto || criteriaFor(criteria, ref.name) !== null) return [];
    const message = `is "auto", but the evaluator has no criteria for "${ref.name}"; add approvals.evaluator.criteria.${ref.name}`;
    return [fieldProblem(['tools', at, 'approval'], message)];
  });
}
