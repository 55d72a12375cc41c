import type { StreamEvent } from '../../contracts/session/event.ts';
import type { Cli } from '../shared/cli.ts';
import { BLANK_SCREEN, renderEvent } from './render-event.ts';

/** Prints events one after another. */
export interface EventPrinter {
  /** As chat shows it; with `--json` as a line. */
  readonly show: (event: StreamEvent) => void;
  /** Ends a line that a text left open, so that something else can be written. */
  readonly endLine: () => void;
}

export function createEventPrinter(cli: Cli): EventPrinter {
  const look = { live: cli.terminal, paint: cli.paint };
  let screen = BLANK_SCREEN;
  return {
    show(event) {
      if (cli.json) return cli.print(JSON.stringify(event));
      const rendered = renderEvent(screen, event, look);
      screen = rendered.screen;
      cli.write(rendered.text);
    },
    endLine() {
      if (screen.open !== null) cli.write('\n');
      screen = { ...screen, open: null };
    },
  };
}
