import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import type { Chat } from './open-chat.ts';
import { EXIT } from '../shared/exit-codes.ts';

/** A person types. A line typed during an answer is sent at once; the session decides what becomes of it. */
export async function chatInTerminal(chat: Chat): Promise<number> {
  const { deps, conversation } = chat;
  const input = createInterface({ input: stdin, output: stdout, prompt: deps.paint('green', '› ') });
  const { promise: left, resolve: leave, reject: fail } = Promise.withResolvers<number>();
  const complain = (error: unknown): void => {
    deps.print(deps.paint('red', error instanceof Error ? error.message : String(error)));
    prompt();
  };
  function prompt(): void {
    if (!conversation.busy) input.prompt();
  }

  async function take(line: string): Promise<void> {
    if (line.trim() === '') return prompt();
    const what = await chat.command(line);
    if (what === 'quit') return leave(EXIT.ok);
    if (what === 'done') return prompt();
    const receipt = await conversation.say(line);
    const { disposition, position } = receipt;
    if (disposition === 'accepted')
      deps.print(deps.paint('dim', 'No worker answers just now; it will be answered when one is back.'));
    if (disposition === 'queued') deps.print(deps.paint('dim', `Queued, ${position ?? 'some'} ahead.`));
  }

  chat.onSettled = prompt;
  chat.onLost = fail;
  input.on('line', (line) => void take(line).catch(complain));
  input.on('close', () => leave(EXIT.ok));
  input.on('SIGINT', () => {
    if (!conversation.busy) return input.close();
    deps.print(deps.paint('dim', 'Stopping…'));
    conversation.cancel().catch(complain);
  });
  prompt();
  try {
    return await left;
  } finally {
    input.close();
  }
}
