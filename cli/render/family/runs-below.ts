import { endsRun } from '../../../contracts/events/event-traits.ts';
import type { StreamEvent } from '../../../contracts/events/event.ts';
import { BLANK_SCREEN, renderEvent, type Screen } from '../render-event.ts';
import type { RenderOptions } from '../render-options.ts';

const INDENT = '  ';
const MARK = '│ ';

/** A run that a call has made, and what it has shown. */
interface Below {
  readonly level: number;
  readonly screen: Screen;
}

/** Renders the events of the runs that the calls of a session have made: in whole lines, indented by their level. */
export class RunsBelow {
  readonly #session: string;
  readonly #runs = new Map<string, Below>();

  /** `session`: whose runs are shown themselves. */
  constructor(session: string) {
    this.#session = session;
  }

  /** The text of an event of a run below; null for one of the session itself. Takes note of the runs that calls make. */
  render(event: StreamEvent, options: RenderOptions): string | null {
    const isOwn = event.sessionId === this.#session;
    const below = this.#runs.get(event.sessionId) ?? { level: 1, screen: BLANK_SCREEN };
    if (event.type === 'tool.called' && event.childRunId !== undefined)
      this.#runs.set(event.childRunId, { level: isOwn ? 1 : below.level + 1, screen: BLANK_SCREEN });
    if (isOwn) return null;
    // The call above has shown its agent and its task.
    if (event.type === 'session.opened' || event.type === 'message.received') return '';
    const lead = `${INDENT.repeat(below.level)}${options.paint('dim', MARK)}`;
    const width = options.width === undefined ? {} : { width: Math.max(20, options.width - below.level * 2 - 2) };
    const { screen, text } = renderEvent(below.screen, event, { ...options, ...width, live: false });
    if (endsRun(event.type)) this.#runs.delete(event.sessionId);
    else this.#runs.set(event.sessionId, { ...below, screen });
    return text.replace(/^(?=.)/gm, lead);
  }
}
