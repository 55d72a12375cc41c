import { ApplicationFailure } from '@temporalio/activity';
import type { AgentRegistry } from '../../agents/agent-registry.ts';
import type { MiddlewareDefinition } from '../../agents/middleware/middleware.ts';
import type { AgentVersion } from '../../contracts/agent.ts';
import { nameOfRef, optionsOfRef } from '../../contracts/capabilities/capability.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { MIDDLEWARE_FAILED } from './hook-failure.ts';
import { retryWhereCodeExists } from '../shared/retry-where-code-exists.ts';

/** Middleware of a run's agent, with the options that the run has pinned. */
export interface AgentMiddleware extends Omit<MiddlewareDefinition, 'holdsText'> {
  readonly options: JsonObject;
  /** Whether text is held until the reply is final. */
  readonly holdsText: boolean;
}

const NONE: readonly AgentMiddleware[] = [];

/**
 * The middleware of an agent in its order, the outermost first. Throws a failure that retries elsewhere if this worker lacks
 * the code of any: a run never goes on without its middleware.
 */
export function agentMiddleware(
  agents: Pick<AgentRegistry, 'middleware'>,
  { spec, hash }: AgentVersion,
): readonly AgentMiddleware[] {
  const { middleware: refs } = spec;
  if (refs === undefined || refs.length === 0) return NONE;
  return refs.map((ref) => {
    const name = nameOfRef(ref);
    const definition = agents.middleware?.(name, hash);
    if (!definition) throw retryWhereCodeExists(`middleware ${JSON.stringify(name)}`);
    const options = parsedOptions(definition, optionsOfRef(ref));
    return { ...definition, options, holdsText: definition.holdsText(options) };
  });
}

/** Applies the defaults of the schema. Options that a run has pinned may be invalid for the code of another version. */
function parsedOptions({ name, optionsSchema }: MiddlewareDefinition, given: JsonObject | null): JsonObject {
  if (optionsSchema === null) return {};
  const parsed = optionsSchema.safeParse(given ?? {});
  if (parsed.success) return parsed.data as JsonObject;
  throw ApplicationFailure.nonRetryable(
    `The options of the middleware ${JSON.stringify(name)} that the run has pinned do not match the optionsSchema of this worker. Send the message again.`,
    MIDDLEWARE_FAILED,
  );
}
