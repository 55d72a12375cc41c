import type { CommandDeps } from '../shared/command-deps.ts';
import { createEventPrinter } from '../render/event-printer.ts';
import { withSession } from '../shared/with-session.ts';
import { followEvents } from './follow-events.ts';

/**
 * `perdure watch`: shows the events after `after`, and new ones as they happen, until Ctrl-C, with those of the runs that calls make,
 * indented. With `--json`, those only with `children`. Resolves with the exit code.
 */
export async function watch(deps: CommandDeps, id: string, after: number, children = false): Promise<number> {
  return withSession(deps, id, (found) => {
    const printer = createEventPrinter(deps, { resumed: after > 0, session: found });
    return followEvents(deps, found, after, { ...printer, children: children || !deps.json });
  });
}
