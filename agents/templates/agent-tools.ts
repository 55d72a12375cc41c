import type { AgentSpec, ToolSpec } from '../../contracts/agent.ts';
import { toolNameOf } from '../../contracts/approvals/approval-settings.ts';
import { nameOfAgentTool } from '../../contracts/capabilities/agent-tool.ts';
import { suggestName } from '../../core/text/closest-name.ts';
import { fieldProblem } from '../../core/text/field-problem.ts';
import { agentToolSpec } from '../agent-tool.ts';
import type { Tool } from '../define-tool.ts';
import type { TemplateProblem } from './template-error.ts';
import { problemIn, type Template } from './template-file.ts';

interface AgentTools {
  /** By the names of the tools; without those that have a problem. */
  readonly resolved: ReadonlyMap<string, ToolSpec>;
  readonly problems: readonly TemplateProblem[];
}

/**
 * Resolves the tools of an agent that are agents. An agent may be among its own tools, directly or by others: how deep the calls
 * go is limited when they are made.
 */
export function resolveAgentTools(
  template: Template,
  agents: ReadonlyMap<string, AgentSpec>,
  tools: ReadonlyMap<string, Tool>,
): AgentTools {
  const { spec } = template.agent;
  const resolved = new Map<string, ToolSpec>();
  const problems: TemplateProblem[] = [];
  for (const tool of spec.agentTools ?? []) {
    const name = nameOfAgentTool(tool);
    const path = ['tools', (spec.tools ?? []).map(toolNameOf).indexOf(name)];
    const target = agents.get(tool.agent);
    if (target === undefined) {
      const message = `unknown agent "${tool.agent}"; ${suggestName(tool.agent, [...agents.keys()], 'agents')}`;
      problems.push(problemIn(template, fieldProblem([...path, 'agent'], message)));
    } else if (tools.has(name)) {
      const message = `another tool is already called "${name}"; set another name for this one`;
      problems.push(problemIn(template, fieldProblem([...path, 'name'], message)));
    } else {
      resolved.set(name, agentToolSpec(tool, target));
    }
  }
  return { resolved, problems };
}
