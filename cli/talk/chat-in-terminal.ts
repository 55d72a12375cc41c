import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import type { Chat } from './open-chat.ts';
import { EXIT } from '../shared/exit-codes.ts';

/** Reads messages from a terminal. Lines typed during an answer are sent at once; the session's policy decides how they are handled. */
export async function chatInTerminal(chat: Chat): Promise<number> {
  const { deps, conversation } = chat;
  const input = createInterface({ input: stdin, output: stdout, prompt: deps.paint('green', '› ') });
  const { promise: left, resolve: leave, reject: fail } = Promise.withResolvers<number>();
  const printError = (error: unknown): void => {
    deps.print(deps.paint('red', error instanceof Error ? error.message : String(error)));
    prompt();
  };
  function prompt(): void {
    if (!conversation.busy) input.prompt();
  }

  async function handleLine(line: string): Promise<void> {
    if (line.trim() === '') return prompt();
    const outcome = await chat.command(line);
    if (outcome === 'quit') return leave(EXIT.ok);
    if (outcome === 'done') return prompt();
    const receipt = await conversation.send(line);
    const { disposition, position } = receipt;
    if (disposition === 'accepted')
      deps.print(deps.paint('dim', 'No worker is available. The message will be answered when one is.'));
    if (disposition === 'queued') deps.print(deps.paint('dim', `Queued, ${position ?? 'some'} ahead.`));
  }

  chat.onSettled = prompt;
  chat.onLost = fail;
  input.on('line', (line) => void handleLine(line).catch(printError));
  input.on('close', () => leave(EXIT.ok));
  input.on('SIGINT', () => {
    if (!conversation.busy) return input.close();
    deps.print(deps.paint('dim', 'Cancelling…'));
    conversation.cancel().catch(printError);
  });
  prompt();
  try {
    return await left;
  } finally {
    input.close();
  }
}
