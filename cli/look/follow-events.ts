import { endsRun } from '../../contracts/session/event.ts';
import type { Cli } from '../shared/cli.ts';
import type { EventPrinter } from '../render/event-printer.ts';
import { untilInterrupted } from '../shared/interruption.ts';
import { sayConnection } from '../render/say-connection.ts';
import { sayWaits } from '../render/say-waits.ts';

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
  let going = false;
  const waits = sayWaits(cli.client, id, {
    busy: () => going,
    tell(line) {
      if (cli.terminal) endLine();
      process.stderr.write(`${line}\n`);
    },
  });
  try {
    return await untilInterrupted(async (signal) => {
      for await (const event of cli.client.stream(id, { after, signal, onConnection })) {
        waits.heard();
        if ('runId' in event) going = !endsRun(event.type);
        show(event);
      }
    });
  } finally {
    waits.stop();
  }
}
