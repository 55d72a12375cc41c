import { stdin } from 'node:process';
import { createInterface } from 'node:readline';
import type { Chat } from './chat.ts';
import { EXIT } from './exit-codes.ts';

/** Each line of standard input is a message, answered before the next is read. Resolves with the exit code at the end of input. */
export async function chatByLines(chat: Chat): Promise<number> {
  const { conversation } = chat;
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let interrupted = false;
  const onInterrupt = (): void => {
    interrupted = true;
    lines.close();
    // The answer that is going is stopped; a second Ctrl-C leaves without it.
    process.once('SIGINT', () => process.exit(EXIT.interrupted));
    if (conversation.busy) conversation.cancel().catch(() => process.exit(EXIT.interrupted));
  };
  process.once('SIGINT', onInterrupt);
  try {
    for await (const line of lines) {
      if (line.trim() === '') continue;
      const what = await chat.command(line);
      if (what === 'quit') break;
      if (what === 'message') await conversation.say(line);
      await conversation.settled();
      if (interrupted) break;
    }
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    lines.close();
  }
  if (interrupted) return EXIT.interrupted;
  return conversation.unanswered > 0 ? EXIT.failed : EXIT.ok;
}
