import { endsRun } from '../../contracts/session/event.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { EventPrinter } from '../render/event-printer.ts';
import { untilInterrupted } from '../shared/interruption.ts';
import { reportConnection } from '../render/report-connection.ts';
import { reportWaits } from '../render/wait-reporter.ts';

/** Shows the events of a session after `after` and new ones, until Ctrl-C. Resolves with the exit code. */
export async function followEvents(
  deps: CommandDeps,
  id: string,
  after: number,
  { show, endLine }: EventPrinter,
): Promise<number> {
  const onConnection = (state: 'lost' | 'back'): void => {
    if (deps.terminal) endLine();
    reportConnection(state);
  };
  let isRunning = false;
  const waits = reportWaits(deps.client, id, {
    isBusy: () => isRunning,
    report(line) {
      if (deps.terminal) endLine();
      process.stderr.write(`${line}\n`);
    },
  });
  try {
    return await untilInterrupted(async (signal) => {
      for await (const event of deps.client.stream(id, { after, signal, onConnection })) {
        waits.onEvent();
        if ('runId' in event) isRunning = !endsRun(event.type);
        show(event);
      }
    });
  } finally {
    waits.stop();
  }
}
