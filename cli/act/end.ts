import type { EndSession } from '../../contracts/session/commands.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { withWholeSessionId } from '../shared/with-session.ts';

/** `perdure end <session>`: ends a session, which then accepts no more messages. */
export async function end(deps: CommandDeps, id: string, input: EndSession): Promise<void> {
  await withWholeSessionId(deps, id, (whole) => deps.client.end(whole, input));
  if (deps.json) return deps.printJson({ id, status: input.status ?? 'completed' });
  deps.print(`Ended session ${id} as ${input.status ?? 'completed'}.`);
}
