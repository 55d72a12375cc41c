import { optionsOfRef } from '../../contracts/capabilities/capability.ts';
import { fieldProblem } from '../../core/text/field-problem.ts';
import { cacheAnswers } from '../middleware/cache-answers.ts';
import { configureMiddleware } from '../middleware/define-middleware.ts';
import { guard } from '../middleware/guard.ts';
import { limitRepeatedCalls } from '../middleware/limit-repeated-calls.ts';
import type { MiddlewareDefinition } from '../middleware/middleware.ts';
import { redactPersonalData } from '../middleware/redact-personal-data.ts';
import { NamedCapabilities } from './named-capabilities.ts';
import type { TemplateProblem } from './template-error.ts';
import type { Template } from './template-file.ts';

export type MiddlewareCapabilities = NamedCapabilities<MiddlewareDefinition>;

/** The middleware that templates may name. That which Perdure ships is among it. */
export function middlewareCapabilities(): MiddlewareCapabilities {
  const shipped = [redactPersonalData, cacheAnswers, guard, limitRepeatedCalls];
  return new NamedCapabilities(
    { field: 'middleware', singular: 'middleware', plural: 'middleware' },
    shipped.map(({ definition }) => definition),
  );
}

/** Checks that the middleware of an agent exists, and its options. */
export function checkMiddleware(known: MiddlewareCapabilities, template: Template): readonly TemplateProblem[] {
  const { problems } = known.resolve(template, template.agent.spec.middleware, (definition, ref, path) => {
    const configured = configureMiddleware(definition, optionsOfRef(ref));
    if ('middleware' in configured) return [];
    return configured.problems.map((problem) => fieldProblem([...path, ...problem.path], problem.message));
  });
  return problems;
}
