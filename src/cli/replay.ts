import { setTimeout as delay } from 'node:timers/promises';
import type { PerdureEvent } from '../contracts/event.ts';
import { sayMs } from '../contracts/say.ts';
import type { Cli } from './cli.ts';
import { CliError, EXIT } from './exit-codes.ts';
import { onInterrupt } from './interruption.ts';
import { nextKey } from './next-key.ts';
import { BLANK_SCREEN, renderEvent } from './render-event.ts';
import { beats } from './replay-pace.ts';
import { sessionEvents } from './session-events.ts';
import { harmless } from './show-text.ts';

export interface ReplayOptions {
  readonly speed: number;
  /** Seconds. */
  readonly maxGap: number;
  /** Waits for a key instead of the time. */
  readonly step?: boolean;
}

/** `perdure replay <run>`, `perdure replay <session> <run>`: a run again, in its own time. Resolves with the exit code. */
export async function replay(
  cli: Cli,
  first: string,
  second: string | undefined,
  options: ReplayOptions,
): Promise<number> {
  const { speed, maxGap, step = false } = options;
  if (step && !process.stdin.isTTY) {
    throw new CliError('--step waits for keys, and there is no keyboard here. Use --speed instead.', EXIT.usage);
  }
  const { sessionId, runId, status, wallMs } = await cli.client.whyRun(
    second === undefined ? undefined : first,
    second ?? first,
  );
  const events = await eventsOf(cli, sessionId, runId);
  const how = step
    ? 'Any key shows the next event, q ends.'
    : `At ${speed} times its speed, no pause over ${maxGap} s.`;
  process.stderr.write(
    `Run ${runId} of the session ${harmless(sessionId)}: ${status}, ${sayMs(wallMs)}. ${how}\n` +
      'Only durable events were kept, so text comes a step at a time.\n',
  );
  const stop = new AbortController();
  const release = onInterrupt(() => stop.abort());
  const look = { live: cli.terminal, paint: cli.paint };
  let screen = BLANK_SCREEN;
  try {
    for (const { event, pauseMs, cutMs } of beats(events, { speed, maxGapMs: maxGap * 1_000 })) {
      if (step) {
        if (cli.terminal) cli.write(cli.paint('dim', `[${event.seq} ${event.type}] `));
        if ((await nextKey(process.stdin, stop.signal)) === 'q') return EXIT.ok;
        if (cli.terminal) cli.write('\r\u001B[K');
      } else await delay(pauseMs, undefined, { signal: stop.signal });
      if (!step && cutMs !== null && !cli.json) cli.print(cli.paint('dim', `  … ${sayMs(cutMs)} later`));
      if (cli.json) {
        cli.print(JSON.stringify(event));
        continue;
      }
      const rendered = renderEvent(screen, event, look);
      screen = rendered.screen;
      cli.write(rendered.text);
    }
    return EXIT.ok;
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    release();
  }
}

async function eventsOf(cli: Cli, sessionId: string, runId: string): Promise<PerdureEvent[]> {
  const found: PerdureEvent[] = [];
  for await (const event of sessionEvents(cli.client, sessionId, 0)) {
    if ('runId' in event && event.runId === runId) found.push(event);
  }
  return found;
}
