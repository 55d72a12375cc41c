import { endsRun } from '../../contracts/events/event-traits.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { stripControl } from '../render/strip-control.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import type { EventPrinter } from '../render/event-printer.ts';
import { untilInterrupted } from '../shared/interruption.ts';
import { reportConnection } from '../render/report-connection.ts';
import { reportLine } from '../render/report-line.ts';
import { reportWaits } from '../render/wait-reporter.ts';

/** Shows the events of a session after `after` and new ones, with `children` also those of the runs below, until Ctrl-C. Resolves with the exit code. */
export async function followEvents(
  deps: CommandDeps,
  id: string,
  after: number,
  { show, endLine, children = false }: Pick<EventPrinter, 'show' | 'endLine'> & { readonly children?: boolean },
): Promise<number> {
  const onConnection = (state: 'lost' | 'back'): void => {
    if (deps.terminal) endLine();
    reportConnection(state);
  };
  let isRunning = false;
  let hasEvents = false;
  const waits = reportWaits(deps.client, id, {
    isBusy: () => isRunning,
    report(line) {
      if (deps.terminal) endLine();
      reportLine(line);
    },
  });
  try {
    return await untilInterrupted(async (signal) => {
      for await (const event of deps.client.stream(id, { after, signal, onConnection, children })) {
        waits.onEvent();
        hasEvents = true;
        if ('runId' in event && event.sessionId === id) isRunning = !endsRun(event.type);
        show(event);
      }
    });
  } catch (error) {
    if (!hasEvents || !(error instanceof PerdureError) || error.code !== 'not_found') throw error;
    throw new CliError(`The session ${stripControl(id)} was deleted.`, EXIT.refused);
  } finally {
    waits.stop();
    if (deps.terminal) endLine();
  }
}
