import type { EndSession } from '../../contracts/session/commands.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure end <session>`: ends a session, which then accepts no more messages. */
export async function end(deps: CommandDeps, id: string, input: EndSession): Promise<void> {
  await deps.client.end(id, input);
  if (deps.json) return deps.printJson({ id, status: input.status ?? 'completed' });
  deps.print(`Ended session ${id} as ${input.status ?? 'completed'}.`);
}
