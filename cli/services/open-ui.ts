import open from 'open';
import { PerdureError } from '../../contracts/errors.ts';
import { runWorkflowIdOf, sessionKey, workflowIdOf } from '../../contracts/session/session-key.ts';
import type { GatewayClient } from '../../client/http/gateway-client.ts';
import type { SessionSnapshot } from '../../contracts/session/session.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { nullIfNotFound } from '../shared/null-if-not-found.ts';
import { findByShortId } from '../shared/find-by-short-id.ts';
import { dataFolderOwner } from './data-folder-owner.ts';
import { readTemporal } from './temporal-settings.ts';

/** `perdure open [session|run]`: prints the address of its page in the Temporal UI, and on a desktop opens it. */
export async function openUi(
  deps: CommandDeps,
  env: NodeJS.ProcessEnv,
  name: string | undefined,
  { browser }: { readonly browser: boolean },
): Promise<void> {
  const { namespace } = readTemporal(env);
  const workflows = `${uiUrl(deps, env)}/namespaces/${encodeURIComponent(namespace)}/workflows`;
  const url = name === undefined ? workflows : `${workflows}/${encodeURIComponent(await workflowOf(deps, name))}`;
  if (deps.json) return deps.printJson({ url });
  deps.print(url);
  if (browser && deps.terminal && hasDesktop(env)) (await open(url)).on('error', () => undefined);
}

/** The address of the Temporal UI beside the gateway, without a slash at its end. */
function uiUrl({ url: gateway }: CommandDeps, env: NodeJS.ProcessEnv): string {
  const given = env['PERDURE_TEMPORAL_UI_URL']?.trim();
  if (given) return given.replace(/\/+$/, '');
  const owner = dataFolderOwner(env);
  if (owner !== null && owner.temporalAddress !== null && isSameOrigin(owner.gatewayUrl, gateway)) {
    if (owner.uiUrl !== null) return owner.uiUrl;
    throw new CliError(
      'The Temporal UI is off. Stop `perdure start`, and run it with: perdure start --ui',
      EXIT.refused,
    );
  }
  throw new CliError(
    `The address of the Temporal UI is not known for the gateway at ${gateway}. Run this in the folder of \`perdure start --ui\`, or set PERDURE_TEMPORAL_UI_URL.`,
    EXIT.usage,
  );
}

function isSameOrigin(one: string | null, other: string): boolean {
  const [a, b] = [one, other].map((url) => (url !== null && URL.canParse(url) ? new URL(url).origin : null));
  return a !== null && a === b;
}

/** The workflow of a session, or of the session of a run; that of a run without a session is its own. */
async function workflowOf(deps: CommandDeps, name: string): Promise<string> {
  const { client } = deps;
  const findSession = (id: string) => nullIfNotFound(() => client.snapshot(id));
  const named = await findSession(name);
  if (named !== null) return workflowOfSession(client, named);
  const found = await findByShortId(deps, name);
  const session = found === null ? null : await findSession('run' in found ? found.run.sessionId : found.session);
  if (session !== null) return workflowOfSession(client, session);
  throw new PerdureError(
    'not_found',
    `No session or run ${JSON.stringify(name)}. List them with: perdure sessions, perdure runs`,
  );
}

async function workflowOfSession(client: GatewayClient, { user, id }: SessionSnapshot): Promise<string> {
  // A run without a session is stored as a session with the run's id.
  const oneOff = await nullIfNotFound(() => client.whyRun(id, id));
  return oneOff === null ? workflowIdOf(sessionKey(user, id)) : runWorkflowIdOf(sessionKey(user, id));
}

/** Whether a browser here would be seen by the person who runs the command. */
function hasDesktop(env: NodeJS.ProcessEnv): boolean {
  if (env['SSH_CONNECTION'] !== undefined) return false;
  return process.platform !== 'linux' || env['DISPLAY'] !== undefined || env['WAYLAND_DISPLAY'] !== undefined;
}
