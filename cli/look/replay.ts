import { setTimeout as delay } from 'node:timers/promises';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { formatDuration } from '../../core/text/format-duration.ts';
import type { CommandDeps } from '../shared/command-deps.ts';
import { withRun } from '../shared/with-run.ts';
import { createEventPrinter, type EventPrinter } from '../render/event-printer.ts';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { untilInterrupted } from '../shared/interruption.ts';
import { readKey } from './read-key.ts';
import { replayTimeline } from './replay-timeline.ts';
import { sessionEvents } from './session-events.ts';
import { stripControl } from '../render/strip-control.ts';

export interface ReplayOptions {
  readonly speed: number;
  /** Seconds. */
  readonly maxGap: number;
  /** Waits for a key before each event instead of pausing. */
  readonly step?: boolean;
}

/** `perdure replay <run>`, `perdure replay <session> <run>`: replays a run with its original timing. Resolves with the exit code. */
export async function replay(
  deps: CommandDeps,
  first: string,
  second: string | undefined,
  options: ReplayOptions,
): Promise<number> {
  const { speed, maxGap, step = false } = options;
  if (step && !process.stdin.isTTY) {
    throw new CliError('--step reads keys, and standard input is not a terminal. Use --speed instead.', EXIT.usage);
  }
  const { sessionId, runId, status, wallMs } = await withRun(deps, [first, second], (session, run) =>
    deps.client.whyRun(session, run),
  );
  const events = await eventsOf(deps, sessionId, runId);
  const pace = speed === 1 ? 'Original speed' : `${speed} times the original speed`;
  const how = step ? 'Press any key for the next event, q to quit.' : `${pace}, pauses of at most ${maxGap} s.`;
  process.stderr.write(
    `Run ${runId} of the session ${stripControl(sessionId)}: ${status}, ${formatDuration(wallMs)}. ${how}\n` +
      'Only durable events are stored, so text appears one step at a time.\n',
  );
  const printer = createEventPrinter(deps);
  return untilInterrupted(async (stop) => {
    for (const { event, pauseMs, cutMs } of replayTimeline(events, { speed, maxGapMs: maxGap * 1_000 })) {
      if (step) {
        if ((await keyBefore(deps, event, printer, stop)) === 'q') return;
      } else {
        await delay(pauseMs, undefined, { signal: stop });
        if (cutMs !== null && !deps.json) note(deps, printer, `  … ${formatDuration(cutMs)} later`);
      }
      printer.show(event);
    }
  });
}

/** Waits for a key. Shows the next event's type meanwhile, on a line that is erased afterwards. */
async function keyBefore(
  deps: CommandDeps,
  event: PerdureEvent,
  printer: EventPrinter,
  stop: AbortSignal,
): Promise<string> {
  if (!deps.terminal) return readKey(process.stdin, stop);
  printer.endLine();
  deps.write(deps.paint('dim', `[${event.seq} ${event.type}] `));
  try {
    return await readKey(process.stdin, stop);
  } finally {
    deps.write('\r\u001B[K');
  }
}

function note(deps: CommandDeps, printer: EventPrinter, text: string): void {
  printer.endLine();
  deps.print(deps.paint('dim', text));
}

async function eventsOf(deps: CommandDeps, sessionId: string, runId: string): Promise<PerdureEvent[]> {
  const found: PerdureEvent[] = [];
  for await (const event of sessionEvents(deps.client, sessionId, 0)) {
    if ('runId' in event && event.runId === runId) found.push(event);
  }
  return found;
}
