import { modelsOf } from '../contracts/agent-models.ts';
import { isFilePart } from '../contracts/attachments/content-parts.ts';
import { contentProblem } from '../core/providers/accepted-content.ts';
import type { AdmissionRequest } from '../store/admission/admission-request.ts';
import type { AdmissionDeps } from './admission-deps.ts';

/** The check of a message's parts against what the models of its agent accept. Agents that only workers have are not checked. */
export function contentCheck({
  agents,
  deployment: { providers },
  defaultModel,
}: Pick<AdmissionDeps, 'agents' | 'deployment' | 'defaultModel'>): NonNullable<AdmissionRequest['contentProblem']> {
  return (name, parts) => {
    const agent = agents.agent(name);
    const asked = agent && (modelsOf(agent.spec) ?? (defaultModel === null ? null : [defaultModel]));
    if (!asked) return null;
    const models = [
      ...(defaultModel === null ? [] : [defaultModel]),
      ...agents.list().flatMap((one) => modelsOf(one) ?? []),
    ];
    return contentProblem(parts.filter(isFilePart), asked, { providers, models });
  };
}
