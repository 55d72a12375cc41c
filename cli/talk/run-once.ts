import type { CommandDeps } from '../shared/command-deps.ts';
import { attachFiles } from '../shared/attach-file.ts';
import { readMessageText } from './read-message-text.ts';
import { readSchema } from './read-schema.ts';
import { showAnswer } from './send.ts';

/** `perdure run`: answers one message without a session. */
export async function runOnce(
  deps: CommandDeps,
  text: string | undefined,
  options: {
    agent?: string | undefined;
    schema?: string | undefined;
    attach?: readonly string[] | undefined;
    timeout: number;
  },
): Promise<void> {
  const hasFiles = (options.attach ?? []).length > 0;
  const input = {
    content: await attachFiles(deps.client, options.attach ?? [], await readMessageText(text, hasFiles)),
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...(await readSchema(options.schema)),
  };
  showAnswer(deps, await deps.client.startRunAndWait(input, options.timeout), options.timeout);
}
