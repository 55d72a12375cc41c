import type { CommandDeps } from '../shared/command-deps.ts';
import { createEventPrinter } from '../render/event-printer.ts';
import { followEvents } from './follow-events.ts';

/** `perdure watch`: shows the events after `after`, and new ones as they happen, until Ctrl-C. Resolves with the exit code. */
export async function watch(deps: CommandDeps, id: string, after: number): Promise<number> {
  return followEvents(deps, id, after, createEventPrinter(deps));
}
