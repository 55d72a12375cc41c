import { stdin } from 'node:process';
import { createInterface } from 'node:readline';
import type { Chat } from './open-chat.ts';
import { EXIT } from '../shared/exit-codes.ts';
import { onInterrupt } from '../shared/interruption.ts';

/** Each line of standard input is a message, answered before the next is read. Resolves with the exit code at the end of input. */
export async function chatByLines(chat: Chat): Promise<number> {
  const { conversation } = chat;
  const lines = createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY });
  let interrupted = false;
  const forget = onInterrupt(() => {
    interrupted = true;
    lines.close();
    // The answer that is going is stopped, and its end is waited for.
    if (conversation.busy) conversation.cancel().catch(() => process.exit(EXIT.interrupted));
  });
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
    forget();
    lines.close();
  }
  if (interrupted) return EXIT.interrupted;
  return conversation.unanswered > 0 ? EXIT.failed : EXIT.ok;
}
