import { optionsOfRef } from '../../contracts/capabilities/capability.ts';
import { fieldProblem, type FieldProblem } from '../../core/text/field-problem.ts';
import type { ProviderDefinition } from '../context/context-provider.ts';
import { configureProvider } from '../context/define-context-provider.ts';
import { documents } from '../context/documents.ts';
import { memory } from '../context/memory.ts';
import { userProfile } from '../context/user-profile.ts';
import { NamedCapabilities, type NamedIn } from './named-capabilities.ts';
import type { TemplateProblem } from './template-error.ts';
import type { Template } from './template-file.ts';

export type ContextCapabilities = NamedCapabilities<ProviderDefinition>;

/** The context providers that templates may name. Those that Perdure ships are among them. */
export function contextCapabilities(): ContextCapabilities {
  return new NamedCapabilities({ field: 'context', singular: 'context provider', plural: 'context providers' }, [
    userProfile.definition,
    documents.definition,
    memory.definition,
  ]);
}

/** Resolves the context providers of an agent and checks their options. Relative paths in these are relative to `folder`. */
export function resolveContext(
  known: ContextCapabilities,
  template: Template,
  folder: string,
): { readonly resolved: readonly ProviderDefinition[]; readonly problems: readonly TemplateProblem[] } {
  const { spec } = template.agent;
  const { history } = spec;
  const named = typeof history === 'object' ? known.resolve(template, [history.provider], isHistory, HISTORY) : NOTHING;
  const listed = known.resolve(template, spec.context, (definition, ref, path) => {
    if (definition.isHistory) {
      const message = `"${definition.name}" is a history provider; name it in \`history: { provider: ${definition.name} }\``;
      return [fieldProblem(path, message)];
    }
    const configured = configureProvider(definition, optionsOfRef(ref));
    if ('problems' in configured)
      return configured.problems.map((problem) => fieldProblem([...path, ...problem.path], problem.message));
    const problem = definition.checkOptions?.(configured.provider.options ?? {}, folder) ?? null;
    return problem === null ? [] : [fieldProblem(path, problem)];
  });
  return {
    resolved: [...named.resolved, ...listed.resolved],
    problems: [...named.problems, ...listed.problems],
  };
}

const HISTORY: NamedIn<ProviderDefinition> = {
  path: ['history', 'provider'],
  singular: 'history provider',
  plural: 'history providers',
  includes: ({ isHistory: is }) => is === true,
};

const NOTHING = { resolved: [], problems: [] };

function isHistory({ name, isHistory: is }: ProviderDefinition): readonly FieldProblem[] {
  if (is) return [];
  const message = `"${name}" is a context provider, which gives no history; list it in \`context\`, or define a history provider with defineHistoryProvider`;
  return [fieldProblem(HISTORY.path, message)];
}
