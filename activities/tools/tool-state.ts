import { ToolError, type Tool, type ToolContext } from '../../agents/define-tool.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { joinProblems } from '../../core/text/field-problem.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { Limit } from '../../contracts/limits/limit.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { mergeKeys, namespaceOf } from '../../core/session/merge-state.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { readSession } from '../../store/read/read-session.ts';
import { patchSession, type SessionPatch } from '../../store/sessions/patch-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { toolJson } from './tool-json.ts';

/** A tool's access to the state and metadata of its session. */
export function toolState(
  deps: Pick<ActivityDeps, 'db' | 'live' | 'commits'>,
  key: SessionKey,
  tool: Tool,
): Pick<ToolContext, 'state' | 'metadata'> {
  const { db } = deps;
  const { namespace } = tool;
  const readNamespace = async (name: string) => namespaceOf((await readSession(db, key))?.state ?? {}, name);
  const change = async (update: SessionPatch): Promise<void> =>
    publishAppended(deps, key, (await patchSession(db, key, update)).events);
  return {
    state: {
      read: async (name?: string) =>
        name === undefined ? validated(tool, await readNamespace(namespace), 'does') : await readNamespace(name),
      merge: (patch) =>
        change((state) => {
          const current = namespaceOf(state, namespace);
          const part = asJson(
            typeof patch === 'function' ? patch(validated(tool, current, 'does')) : patch,
            LIMITS.stateBytes,
          );
          validated(tool, mergeKeys(current, part), 'would');
          return { state: { [namespace]: part } };
        }),
    },
    metadata: {
      read: async () => (await readSession(db, key))?.metadata ?? {},
      merge: (patch) => change({ metadata: asJson(patch, LIMITS.metadataBytes) }),
    },
  };
}

/** Parses a value with the tool's schema. Throws a ToolError that names each invalid field. */
function validated({ name, namespace, stateSchema }: Tool, value: JsonObject, verb: 'does' | 'would'): JsonObject {
  if (stateSchema === null) return value;
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data as JsonObject;
  const problems = joinProblems(
    describeIssues(parsed.error.issues, { schema: stateSchema, input: value, mayQuote: true }),
  );
  throw new ToolError(
    `The state ${JSON.stringify(namespace)} ${verb} not match the stateSchema of the tool ${JSON.stringify(name)}: ${problems}.`,
  );
}

/** The patch as JSON stores it, without undefined values. `limit` bounds the patch before its merged size is checked. */
function asJson(patch: unknown, limit: Limit): JsonObject {
  const json = toolJson(patch, limit.value);
  if (!('value' in json)) throw new ToolError(`The patch of ${limit.what.replace(' as JSON', '')} is ${json.problem}`);
  const { value } = json;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ToolError('A patch of state or metadata must be an object with the keys to change.');
}
