import type { Cli } from './cli.ts';
import { BLANK_SCREEN, renderEvent } from './render-event.ts';

/** `perdure watch`: the session's events from `after` on, and then as they come, until Ctrl-C. */
export async function watch(cli: Cli, id: string, options: { after: number; signal?: AbortSignal }): Promise<void> {
  const { signal } = options;
  const events = cli.client.stream(id, {
    after: options.after,
    ...(signal === undefined ? {} : { signal }),
    onConnection: (state) => note(state === 'lost' ? 'reconnecting…' : 'connected again.'),
  });
  const look = { live: cli.terminal, paint: cli.paint };
  let screen = BLANK_SCREEN;
  function note(text: string): void {
    process.stderr.write(`${text}\n`);
  }
  for await (const event of events) {
    if (cli.json) {
      cli.print(JSON.stringify(event));
      continue;
    }
    const rendered = renderEvent(screen, event, look);
    screen = rendered.screen;
    cli.write(rendered.text);
  }
}
