import type { StreamEvent } from '../../contracts/session/event.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { BLANK_SCREEN, renderEvent } from './render-event.ts';

/** Prints events one after another. */
export interface EventPrinter {
  /** As chat shows it; with `--json` as a line. */
  readonly show: (event: StreamEvent) => void;
  /** Ends a line that a text left open, so that something else can be written. */
  readonly endLine: () => void;
}

export function createEventPrinter(deps: CommandDeps): EventPrinter {
  const options = { live: deps.terminal, paint: deps.paint };
  let screen = BLANK_SCREEN;
  return {
    show(event) {
      if (deps.json) return deps.print(JSON.stringify(event));
      const rendered = renderEvent(screen, event, options);
      screen = rendered.screen;
      deps.write(rendered.text);
    },
    endLine() {
      if (screen.open !== null) deps.write('\n');
      screen = { ...screen, open: null };
    },
  };
}
