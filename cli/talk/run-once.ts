import type { CommandDeps } from '../shared/command-deps.ts';
import { readMessageText } from './read-message-text.ts';
import { showAnswer } from './send.ts';

/** `perdure run`: answers one message without a session. */
export async function runOnce(
  deps: CommandDeps,
  text: string | undefined,
  options: { agent?: string | undefined; timeout: number },
): Promise<void> {
  const input = {
    content: await readMessageText(text),
    ...(options.agent === undefined ? {} : { agent: options.agent }),
  };
  showAnswer(deps, await deps.client.startRunAndWait(input, options.timeout), options.timeout);
}
