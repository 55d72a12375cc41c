import type { Cli } from './cli.ts';
import { EXIT } from './exit-codes.ts';
import { onInterrupt } from './interruption.ts';
import { BLANK_SCREEN, renderEvent } from './render-event.ts';
import { sayConnection } from './say-connection.ts';

/** `perdure watch`: the session's events from `after` on, and then as they come, until Ctrl-C. Resolves with the exit code. */
export async function watch(cli: Cli, id: string, after: number): Promise<number> {
  const stop = new AbortController();
  onInterrupt(() => stop.abort());
  const look = { live: cli.terminal, paint: cli.paint };
  let screen = BLANK_SCREEN;
  const events = cli.client.stream(id, {
    after,
    signal: stop.signal,
    onConnection: sayConnection,
  });
  try {
    for await (const event of events) {
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
  }
}
