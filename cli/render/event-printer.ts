import type { StreamEvent } from '../../contracts/session/event.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { BLANK_SCREEN, renderEvent } from './render-event.ts';

/** Prints events one after another. */
export interface EventPrinter {
  /** Prints an event for people; with `--json` as a line of JSON. */
  readonly show: (event: StreamEvent) => void;
  /** Ends an open line of text, so that something else can be printed. */
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
