import type { StreamEvent } from '../../contracts/events/event.ts';
import { EVENT_TYPES } from '../../contracts/events/event-traits.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { withSession } from '../shared/with-session.ts';
import { followEvents } from './follow-events.ts';
import { sessionEvents } from './session-events.ts';
import { oneLine } from '../render/one-line.ts';

export interface EventsOptions {
  readonly after: number;
  readonly follow?: boolean;
}

const TYPE_WIDTH = Math.max(...EVENT_TYPES.map((type) => type.length));

/** `perdure events <session>`: prints durable events, one per line; with `follow` also new ones, until Ctrl-C. Resolves with the exit code. */
export async function events(deps: CommandDeps, id: string, { after, follow = false }: EventsOptions): Promise<number> {
  const show = (event: StreamEvent): void => {
    if ('seq' in event) deps.print(deps.json ? JSON.stringify(event) : eventLine(deps, event));
  };
  if (follow) {
    const printer = { show, endLine: () => undefined };
    return withSession(deps, id, (found) => followEvents(deps, found, after, printer));
  }
  await withSession(deps, id, async (found) => {
    for await (const event of sessionEvents(deps.client, found, after)) show(event);
  });
  return EXIT.ok;
}

/** Sequence number, time, type, and the other fields of an event. */
function eventLine({ paint }: Pick<CommandDeps, 'paint'>, event: Extract<StreamEvent, { seq: number }>): string {
  const { seq, at, type, sessionId: _session, ...rest } = event;
  return `${String(seq).padStart(5)}  ${paint('dim', at)}  ${paint('bold', type.padEnd(TYPE_WIDTH))}  ${oneLine(rest)}`;
}
