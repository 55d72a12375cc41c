import type { EndSession } from '../../contracts/session/commands.ts';
import type { CommandDeps } from '../shared/command-deps.ts';

/** `perdure end <session>`: no more messages are taken. */
export async function end(deps: CommandDeps, id: string, input: EndSession): Promise<void> {
  await deps.client.end(id, input);
  if (deps.json) return deps.printJson({ id, status: input.status ?? 'completed' });
  deps.print(`The session ${id} has ended as ${input.status ?? 'completed'}.`);
}
