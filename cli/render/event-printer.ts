import type { StreamEvent } from '../../contracts/events/event.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { BLANK_SCREEN, endOfLine, renderEvent, RESUMED_SCREEN } from './render-event.ts';
import type { RenderOptions } from './render-options.ts';
import { attributeUnshown, type MessageReceived } from './run-heading.ts';
import { RunsBelow } from './family/runs-below.ts';
import { LINE_START } from './word-wrap.ts';
import { terminalWidth } from './terminal-width.ts';

/** Prints events one after another. */
export interface EventPrinter {
  /** Prints an event for people; with `--json` as a line of JSON. */
  readonly show: (event: StreamEvent) => void;
  /** Notes a message that is not shown, because it was typed here. Its answer can then be named. */
  readonly note: (event: MessageReceived) => void;
  /** Ends an open line of text, so that something else can be printed. */
  readonly endLine: () => void;
  /** Call it when a line typed in the terminal has moved the cursor to the next line. */
  readonly onTypedLine: () => void;
}

export interface EventPrinterOptions {
  /** Events before the first one were shown earlier, or not at all. Default false. */
  readonly resumed?: boolean;
  /** The session whose events are shown; those of others are of runs below, and indented. Default: every session is shown alike. */
  readonly session?: string;
}

export function createEventPrinter(
  deps: CommandDeps,
  { resumed = false, session }: EventPrinterOptions = {},
): EventPrinter {
  const below = session === undefined ? null : new RunsBelow(session);
  // The width is read anew for each event: a terminal can be resized.
  const options = (): RenderOptions => ({ live: deps.terminal, paint: deps.paint, width: terminalWidth(deps) });
  let screen = resumed ? RESUMED_SCREEN : BLANK_SCREEN;
  const endLine = (): void => {
    deps.write(endOfLine(screen, options()));
    screen = { ...screen, open: null, wrap: LINE_START };
  };
  return {
    show(event) {
      if (deps.json) return deps.print(JSON.stringify(event));
      const indented = below?.render(event, options()) ?? null;
      if (indented === '') return;
      if (indented !== null) {
        endLine();
        return deps.write(indented);
      }
      const rendered = renderEvent(screen, event, options());
      screen = rendered.screen;
      deps.write(rendered.text);
    },
    note(event) {
      screen = { ...screen, attribution: attributeUnshown(screen.attribution, event) };
    },
    endLine,
    onTypedLine() {
      screen = { ...screen, wrap: { ...screen.wrap, column: 0, spaces: '' } };
    },
  };
}
