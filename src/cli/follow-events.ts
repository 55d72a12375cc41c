import type { Cli } from './cli.ts';
import type { EventPrinter } from './event-printer.ts';
import { untilInterrupted } from './interruption.ts';
import { sayConnection } from './say-connection.ts';

/** Shows a session's events after `after`, and those to come, until Ctrl-C. Resolves with the exit code. */
export async function followEvents(
  cli: Cli,
  id: string,
  after: number,
  { show, endLine }: EventPrinter,
): Promise<number> {
  const onConnection = (state: 'lost' | 'back'): void => {
    if (cli.terminal) endLine();
    sayConnection(state);
  };
  return untilInterrupted(async (signal) => {
    for await (const event of cli.client.stream(id, { after, signal, onConnection })) show(event);
  });
}
