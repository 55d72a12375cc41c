import type { Cli } from '../shared/cli.ts';
import { readText } from './read-text.ts';
import { showAnswer } from './send.ts';

/** `perdure run`: one answer, without a session. */
export async function runOnce(
  cli: Cli,
  text: string | undefined,
  options: { agent?: string | undefined; timeout: number },
): Promise<void> {
  const input = {
    content: await readText(text),
    ...(options.agent === undefined ? {} : { agent: options.agent }),
  };
  showAnswer(cli, await cli.client.startRunAndWait(input, options.timeout), options.timeout);
}
