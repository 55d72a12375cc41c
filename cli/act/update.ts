import type { UpdateSession } from '../../contracts/session/commands.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { withWholeSessionId } from '../shared/with-session.ts';
import { metadataOf } from '../shared/metadata-of.ts';
import { stripControl } from '../render/strip-control.ts';

export interface UpdateOptions {
  /** Values as JSON where they are JSON, otherwise as text. An empty value removes the name. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly state?: string;
  readonly policy?: string;
}

/** `perdure update <session>`: merges metadata, state and policy into a session. */
export async function update(deps: CommandDeps, id: string, options: UpdateOptions): Promise<void> {
  const { metadata, state, policy } = options;
  const patch = {
    ...(metadata === undefined ? {} : { metadata: metadataOf(metadata) }),
    ...(state === undefined ? {} : { state: parseObject('--state', state) }),
    ...(policy === undefined ? {} : { policy: parseObject('--policy', policy) }),
  };
  if (Object.keys(patch).length === 0) {
    throw new CliError('Nothing to change. Add --metadata name=value, --state JSON or --policy JSON.', EXIT.usage);
  }
  // The gateway validates it.
  const session = await withWholeSessionId(deps, id, (whole) => deps.client.update(whole, patch as UpdateSession));
  if (deps.json) return deps.printJson(session);
  deps.print(`Updated ${Object.keys(patch).join(', ')} of session ${stripControl(id)}.`);
}

function parseObject(option: string, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Falls through to the error.
  }
  throw new CliError(
    `${option} is not a JSON object. Quote it for the shell, such as '{"name": "value"}'.`,
    EXIT.usage,
  );
}
