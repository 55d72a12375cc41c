import type { ProviderDefinition, ProviderStatePatch } from '../../agents/context/context-provider.ts';
import { ToolError } from '../../agents/define-tool.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { mergeKeys } from '../../core/session/merge-state.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import { toolJson } from '../tools/tool-json.ts';

/** The key in a provider's namespace with the version that wrote it. Absent: version 1. */
const VERSION = '$version';

/** Reads a provider's state from its namespace: migrated to the provider's version, and checked by its schema. Throws an error that describes what does not match. */
export function readProviderState(definition: ProviderDefinition, namespace: JsonObject): JsonObject {
  return parsed(definition, migrated(definition, namespace), 'does');
}

/** The namespace after a patch. Throws an error that describes what does not match. */
export function patchProviderState(
  definition: ProviderDefinition,
  namespace: JsonObject,
  patch: ProviderStatePatch,
): JsonObject {
  const current = migrated(definition, namespace);
  const given = typeof patch === 'function' ? patch(parsed(definition, current, 'does')) : patch;
  const json = toolJson(given, LIMITS.stateBytes.value);
  if (!('value' in json)) throw new ToolError(`The patch of the state is ${json.problem}`);
  if (typeof json.value !== 'object' || json.value === null || Array.isArray(json.value)) {
    throw new ToolError('The patch of the state must be an object with the keys to change.');
  }
  const after = mergeKeys(current, json.value);
  parsed(definition, after, 'would');
  const { stateVersion } = definition;
  return Object.keys(after).length > 0 && stateVersion > 1 ? { ...after, [VERSION]: stateVersion } : after;
}

function migrated({ name, stateVersion, migrateState }: ProviderDefinition, namespace: JsonObject): JsonObject {
  const { [VERSION]: written = 1, ...state } = namespace;
  const from = typeof written === 'number' ? written : 1;
  if (from > stateVersion) {
    throw Object.assign(
      new Error(
        `The state of the context provider ${JSON.stringify(name)} was written by version ${from}; this worker has version ${stateVersion}.`,
      ),
      // Another worker may have the newer code.
      { retryable: true },
    );
  }
  if (from === stateVersion || migrateState === null || Object.keys(state).length === 0) return state;
  return migrateState(structuredClone(state), from);
}

function parsed({ name, stateSchema }: ProviderDefinition, state: JsonObject, verb: 'does' | 'would'): JsonObject {
  if (stateSchema === null) return structuredClone(state);
  const result = stateSchema.safeParse(state);
  if (result.success) return result.data as JsonObject;
  const problems = joinProblems(
    describeIssues(result.error.issues, { schema: stateSchema, input: state, mayQuote: true }),
  );
  throw new ToolError(
    `The state ${verb} not match the stateSchema of the context provider ${JSON.stringify(name)}: ${problems}.`,
  );
}
