import type { EndSession } from '../../contracts/session/commands.ts';
import type { Cli } from '../shared/cli.ts';

/** `perdure end <session>`: no more messages are taken. */
export async function end(cli: Cli, id: string, input: EndSession): Promise<void> {
  await cli.client.end(id, input);
  if (cli.json) return cli.printJson({ id, status: input.status ?? 'completed' });
  cli.print(`The session ${id} has ended as ${input.status ?? 'completed'}.`);
}
