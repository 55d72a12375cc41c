import { ToolError, type Tool, type ToolContext } from '../../agents/define-tool.ts';
import { describeIssues, sayProblems } from '../../agents/describe-issues.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { mergeKeys, namespaceOf } from '../../core/session/merge-state.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { readSession } from '../../store/read/read-session.ts';
import { updateSession, type Update } from '../../store/sessions/update-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** What a tool reads and writes of its session. */
export function toolState(
  deps: Pick<ActivityDeps, 'db' | 'live' | 'commits'>,
  key: SessionKey,
  tool: Tool,
): Pick<ToolContext, 'state' | 'metadata'> {
  const { db } = deps;
  const { namespace } = tool;
  const namespaceNow = async (name: string) => namespaceOf((await readSession(db, key))?.state ?? {}, name);
  const change = async (update: Update): Promise<void> =>
    publishAppended(deps, key, (await updateSession(db, key, update)).events);
  return {
    state: {
      read: async (name?: string) =>
        name === undefined ? accepted(tool, await namespaceNow(namespace), 'is not') : await namespaceNow(name),
      merge: (patch) =>
        change((state) => {
          const now = namespaceOf(state, namespace);
          const part = asJson(typeof patch === 'function' ? patch(accepted(tool, now, 'is not')) : patch);
          accepted(tool, mergeKeys(now, part), 'would not be');
          return { state: { [namespace]: part } };
        }),
    },
    metadata: {
      read: async () => (await readSession(db, key))?.metadata ?? {},
      merge: (patch) => change({ metadata: asJson(patch) }),
    },
  };
}

/** The value as the tool's schema gives it; a ToolError that names each wrong field otherwise. */
function accepted(
  { name, namespace, stateSchema }: Tool,
  value: JsonObject,
  is: 'is not' | 'would not be',
): JsonObject {
  if (stateSchema === null) return value;
  const parsed = stateSchema.safeParse(value);
  if (parsed.success) return parsed.data as JsonObject;
  const problems = sayProblems(describeIssues(stateSchema, parsed.error.issues, value));
  throw new ToolError(
    `The state ${JSON.stringify(namespace)} ${is} what the stateSchema of the tool ${JSON.stringify(name)} says: ${problems}.`,
  );
}

/** As it will be stored: what JSON leaves out is left out. */
function asJson(patch: unknown): JsonObject {
  if (typeof patch === 'object' && patch !== null && !Array.isArray(patch)) {
    return JSON.parse(JSON.stringify(patch)) as JsonObject;
  }
  throw new ToolError('What is merged into state or metadata must be an object of the keys to change.');
}
